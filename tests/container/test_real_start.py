"""The container's entrypoint as a plain process with the real `sneaky`: upgrade, serve, stop."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0

pytestmark = [pytest.mark.shipped, pytest.mark.timeout(600)]


class Instance:
    """One container's worth of process on its own port, sharing the data folder with others."""

    def __init__(self, data: Path, log: Path, *arguments: str, **environment: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [ROOT / "entrypoint.sh", *arguments],
                cwd=data.parent,
                env={
                    "PATH": f"{data.parent / 'bin'}:/usr/bin:/bin",
                    "PYTHONPATH": str(ROOT),
                    "SNEAKY_DATA_DIR": str(data),
                    "SNEAKY_MAIL_URL": f"file:{data / 'letters'}",
                    "SNEAKY_BIND": self.address,
                    "SNEAKY_BASE_URL": f"http://{self.address}",
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def wait_for(self, path: str) -> None:
        """Return when the page answers 200; fail with the log when the process ends or takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not self.answers(path):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


@pytest.fixture
def container(tmp_path: Path) -> Iterator[contextlib.ExitStack]:
    """A scratch folder with `bin/sneaky` as the image has it; every instance entered is killed at the end."""
    command = tmp_path / "bin" / "sneaky"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sneaky "$@"\n')
    command.chmod(0o755)
    with contextlib.ExitStack() as stack:
        yield stack


def started(
    container: contextlib.ExitStack, folder: Path, *arguments: str, name: str = "one", **environment: str
) -> Instance:
    instance = Instance(folder / "data", folder / f"{name}.log", *arguments, **environment)
    container.callback(instance.process.wait)
    container.callback(instance.process.kill)
    return instance


def test_an_empty_volume_becomes_a_ready_instance_that_stops_when_told(
    container: contextlib.ExitStack, tmp_path: Path
) -> None:
    instance = started(container, tmp_path)
    instance.wait_for("/healthz")
    instance.wait_for("/readyz")
    assert instance.stop() == 0, instance.said()
    assert "Traceback" not in instance.said()

    database = tmp_path / "data" / "sneaky.db"
    assert [oct(path.stat().st_mode & 0o077) for path in (database, tmp_path / "data" / "secret_key")] == [
        "0o0"
    ] * 2


def test_a_second_start_finds_its_data_and_key_again(container: contextlib.ExitStack, tmp_path: Path) -> None:
    first = started(container, tmp_path)
    first.wait_for("/healthz")
    assert first.stop() == 0, first.said()
    key = (tmp_path / "data" / "secret_key").read_bytes()

    second = started(container, tmp_path, name="two")
    second.wait_for("/readyz")
    assert second.stop() == 0, second.said()
    assert (tmp_path / "data" / "secret_key").read_bytes() == key
    assert "upgraded" not in second.said()


def test_two_that_start_at_once_upgrade_once(container: contextlib.ExitStack, tmp_path: Path) -> None:
    instances = [started(container, tmp_path, name=name) for name in ("one", "two")]
    for instance in instances:
        instance.wait_for("/readyz")
    assert [instance.stop() for instance in instances] == [0, 0]

    said = "".join(instance.said() for instance in instances)
    assert said.count("Database upgraded from empty") == 1
    assert "Traceback" not in said


def leading(folder: Path) -> str | None:
    """Who leads the clock, as the one row says."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "sneaky.db")) as connection:
        row = connection.execute("SELECT holder FROM leader").fetchone()
    return row[0] if row else None


def test_the_web_role_leaves_the_clock_to_the_scheduler(
    container: contextlib.ExitStack, tmp_path: Path
) -> None:
    web = started(container, tmp_path, "web", name="web")
    web.wait_for("/healthz")
    clock = started(container, tmp_path, "scheduler", name="scheduler")
    deadline = time.monotonic() + PATIENCE
    while not (holder := leading(tmp_path)):
        assert clock.process.poll() is None, clock.said()
        assert time.monotonic() < deadline, clock.said()
        time.sleep(0.05)

    web.wait_for("/readyz")
    assert leading(tmp_path) == holder
    assert clock.stop() == 0, clock.said()
    assert leading(tmp_path) is None, "a clean stop hands over at once"
    assert web.stop() == 0, web.said()


def test_a_database_from_the_future_is_left_alone(container: contextlib.ExitStack, tmp_path: Path) -> None:
    first = started(container, tmp_path)
    first.wait_for("/healthz")
    assert first.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "sneaky.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '29991231_from_the_future'")

    second = started(container, tmp_path, name="two")
    assert second.process.wait(PATIENCE) == 1
    assert "newer Sneaky Klaus" in second.said()
    assert "Traceback" not in second.said()


def test_a_wrong_setting_stops_the_start_with_a_line_that_helps(
    container: contextlib.ExitStack, tmp_path: Path
) -> None:
    instance = started(container, tmp_path, SNEAKY_BIND="port ninety")
    assert instance.process.wait(PATIENCE) == 2
    assert instance.said().startswith("SNEAKY_BIND: ")
    assert "Traceback" not in instance.said()
