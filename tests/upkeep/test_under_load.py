"""Backups that are made while people write: each one is whole, and comes back elsewhere as it was."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, update

from sneaky import wishlists
from sneaky.access import audit
from sneaky.cli.check import findings
from sneaky.core.clock import monotonic
from sneaky.core.db import db, transaction
from sneaky.letters import catalogue
from sneaky.models import Exchange
from sneaky.outbox import delivery, queue
from sneaky.upkeep import backups
from tests import factories
from tests.draws import drawn
from tests.faults.processes import Figure, on_both_in_full, rounds, wait_until
from tests.upkeep.lives import elsewhere, running, settings_of

A_SECOND = 50
# Several on a server, where each waits for its own commits; SQLite lets one write at a time anyway.
WRITERS = {"sqlite": 1, "postgresql": 4}
# So many writes of one of them make an exchange, with people and their wishes, and draw it.
A_TURN = 25
CHANGED_BY_A_RESTORE = {"instance", "trouble", "audit_entry"}


class Writer:
    """One of those who write fifty times a second: people, wishes, notes, now and then a whole draw.

    Of the exchanges two are kept, so that a slow round has not more to back up than a quick one.
    """

    def __init__(self, app: Flask, pause: float) -> None:
        self.count = 0
        self._pause = pause
        self.errors: list[BaseException] = []
        self._app = app
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._exchanges: list[int] = []
        self._person = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(60)

    def _write(self) -> None:
        with self._app.app_context():
            started = monotonic()
            try:
                while not self._is_over.wait(max(0.0, started + self.count * self._pause - monotonic())):
                    self._write_something()
                    self.count += 1
            except BaseException as error:  # noqa: BLE001
                self.errors.append(error)
            db.session.remove()

    def _write_something(self) -> None:
        turn = self.count % A_TURN
        if turn == 0:
            self._exchanges.append(factories.an_exchange())
        elif turn == 1 and len(self._exchanges) > 2:
            with transaction() as session:
                session.execute(delete(Exchange).where(Exchange.id == self._exchanges.pop(0)))
        elif turn == A_TURN - 1:
            drawn.draw(self._exchanges[-1])
        elif turn % 6 == 2:
            self._person = factories.a_participant(self._exchanges[-1])
        elif turn % 6 == 3:
            wishlists.add(self._person, "Gingerbread")
        elif turn % 6 == 4:
            audit.note("exchange.changed", exchange_id=self._exchanges[-1])
        else:
            with transaction() as session:
                name = {"name": f"Ann {self.count}"}
                session.execute(update(Exchange).where(Exchange.id == self._exchanges[-1]).values(name))


@on_both_in_full
@pytest.mark.fault
@pytest.mark.timeout(rounds(120, 3600))
def test_each_backup_under_load_comes_back_whole(
    any_app: Flask, tmp_path: Path, record_property: Figure
) -> None:
    here, began = settings_of(any_app), monotonic()
    number_of_writers = WRITERS[db.engine.dialect.name]
    writers = [Writer(any_app, number_of_writers / A_SECOND) for _ in range(number_of_writers)]

    def written() -> int:
        return sum(writer.count for writer in writers)

    with ExitStack() as all_writing:
        for writer in writers:
            all_writing.enter_context(writer)
        wait_until(lambda: all(writer.count > A_TURN for writer in writers), "everybody has drawn")
        for number in range(rounds(2, 50)):
            enough = written() + A_SECOND
            wait_until(lambda: written() > enough, "some writing")  # noqa: B023
            file, manifest = backups.backup(tmp_path / f"{number}.backup")
            other = elsewhere(here, tmp_path / f"other-{number}")
            backups.restore(file, other)
            with running(other):
                assert list(findings()) == []
                _file, again = backups.backup(tmp_path / f"{number}.again")
                for table in manifest.tables.keys() - CHANGED_BY_A_RESTORE:
                    assert manifest.tables[table] == again.tables[table], table
                assert again.tables.keys() == manifest.tables.keys()
                assert delivery.deliver(catalogue.render).sent == 0
                assert not (other.data_dir / "letters").exists()
        record_property("writes a second", round(written() / (monotonic() - began)))
    assert [writer.errors for writer in writers] == [[]] * number_of_writers
    with running(other):
        queue.resume()
        sent = sum(iter(lambda: delivery.deliver(catalogue.render).sent, 0))
        assert sent == manifest.tables["letter"].rows > 0
