"""How the writers of SQLite take turns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from sneaky.core import sqlite
from sneaky.core.db import db, transaction

pytestmark = pytest.mark.sqlite


class Naps:
    """Stands for the module `time`: an hour passes by napping alone; the third nap ends what keeps us."""

    def __init__(self, keeps_us: sqlite3.Connection | None = None) -> None:
        self.taken: list[float] = []
        self._keeps_us = keeps_us

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        if len(self.taken) == 3 and self._keeps_us:
            self._keeps_us.execute("ROLLBACK")

    def monotonic(self) -> float:
        return sum(self.taken)


@pytest.fixture
def writer(app: Flask) -> Iterator[sqlite3.Connection]:
    """Another process in the middle of a transaction."""
    with closing(sqlite3.connect(str(db.engine.url.database), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def patience() -> int:
    """Milliseconds that a connection waits for what it does not wait for here."""
    with db.engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())


def test_a_writer_asks_every_two_milliseconds_whether_it_is_its_turn(
    writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = Naps(writer)
    monkeypatch.setattr(sqlite, "time", naps)
    with transaction() as session:
        session.execute(text("UPDATE instance SET set_up_at = NULL"))
    assert naps.taken == [0.002] * 3
    assert patience() == 5000


def test_a_writer_gives_up_after_its_patience(
    writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = Naps()
    monkeypatch.setattr(sqlite, "time", naps)
    with pytest.raises(OperationalError, match="database is locked"), transaction():
        pass
    assert sum(naps.taken) == pytest.approx(5, abs=0.003)
    assert patience() == 5000


def test_what_is_no_waiting_is_told_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = Naps()
    monkeypatch.setattr(sqlite, "time", naps)
    with transaction() as session, pytest.raises(OperationalError, match="within a transaction"):
        sqlite.begin(session.connection(), writes=True)
    assert naps.taken == []


def test_readers_never_wait(writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = Naps()
    monkeypatch.setattr(sqlite, "time", naps)
    assert db.session.execute(text("SELECT count(*) FROM instance")).scalar_one() == 0
    assert naps.taken == []
