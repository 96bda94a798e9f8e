"""What the system or the database refuses is told in a line; a fault of ours keeps its traceback."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sneaky import app as composer
from sneaky.cli.check import findings
from sneaky.cli.refusals import in_a_line
from sneaky.core.db import db


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the `sneaky` command says as it gives up."""
    monkeypatch.setattr(sys, "argv", ["sneaky", *words])
    monkeypatch.setattr(os, "umask", lambda _mask: 0)
    with pytest.raises(SystemExit) as ended:
        composer.main()
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an instance that was never started."""
    monkeypatch.setenv("SNEAKY_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("words", [["jobs", "list"], ["serve"], ["worker"], ["scheduler", "run"]])
def test_schema_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    said = told(monkeypatch, capsys, *words)
    assert "no such table" in said
    assert said.endswith("Bring it there: sneaky db upgrade\n")


def test_database_that_cannot_be_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SNEAKY_DATABASE_URL", f"sqlite:///{folder / 'nowhere' / 'x.db'}")
    assert told(monkeypatch, capsys, "db", "upgrade") == (
        "The database cannot be used: unable to open database file\n"
    )


def test_folder_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SNEAKY_DATABASE_URL", f"sqlite:///{folder / 'here.db'}")
    with pytest.raises(SystemExit):
        monkeypatch.setattr(sys, "argv", ["sneaky", "db", "upgrade"])
        composer.main()
    capsys.readouterr()
    assert "nowhere" in told(monkeypatch, capsys, "backup", str(folder / "nowhere" / "x.backup"))
    with pytest.raises(SystemExit):
        monkeypatch.setattr(sys, "argv", ["sneaky", "backup", f"{folder / 'made'}/"])
        composer.main()
    (made,) = (folder / "made").iterdir()
    assert made.suffix == ".backup"


def test_fault_of_ours_keeps_its_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faulty() -> Flask:
        raise OSError("who knows")

    monkeypatch.setattr(composer, "create_app", faulty)
    monkeypatch.setattr(sys, "argv", ["sneaky", "jobs", "list"])
    monkeypatch.setattr(os, "umask", lambda _mask: 0)
    with pytest.raises(OSError, match="who knows"):
        composer.main()


def test_full_disk_is_no_fault_of_ours() -> None:
    assert in_a_line(OSError(errno.ENOSPC, "No space left on device")) == (
        "Where this was to be written: No space left on device."
    )
    assert in_a_line(PermissionError(errno.EACCES, "Permission denied", "/b")) == "/b: Permission denied."


@pytest.mark.parametrize("statement", ["SELECT 1 FROM nothing_here", "SELECT nothing_here FROM instance"])
def test_missing_table_or_column_wants_an_upgrade(any_app: Flask, statement: str) -> None:
    with pytest.raises(DBAPIError) as failed:
        db.session.execute(text(statement))
    assert str(in_a_line(failed.value)).endswith("sneaky db upgrade")


def test_statement_that_is_wrong_is_a_fault_of_ours(any_app: Flask) -> None:
    with pytest.raises(DBAPIError) as failed:
        db.session.execute(text("SELECT FROM FROM"))
    assert in_a_line(failed.value) is None


@pytest.mark.sqlite
def test_damaged_file_is_found_and_told(app: Flask, tmp_path: Path) -> None:
    db.session.remove()
    db.engine.dispose()
    (tmp_path / "sneaky.db").write_bytes(b"no database at all" * 1000)
    (found,) = findings()
    assert found.where == "the database cannot be read: file is not a database"
