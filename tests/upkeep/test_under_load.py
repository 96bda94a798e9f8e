"""Backups that are made while people write: each one is whole, and comes back elsewhere as it was."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from flask import Flask

from sneaky import wishlists
from sneaky.access import audit
from sneaky.cli.check import findings
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.letters import catalogue
from sneaky.outbox import delivery, queue
from sneaky.upkeep import backups
from tests import factories
from tests.draws import drawn
from tests.faults.processes import Figure, on_both_in_full, rounds, wait_until
from tests.upkeep.lives import elsewhere, running, settings_of

A_SECOND = 50
CHANGED_BY_A_RESTORE = {"instance", "trouble", "audit_entry"}


class Writer:
    """Somebody who writes fifty times a second: people, wishes, notes, and now and then a whole draw."""

    def __init__(self, app: Flask) -> None:
        self.count = 0
        self.errors: list[BaseException] = []
        self._app = app
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._exchange_id = self._person = 0

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
                while not self._is_over.wait(max(0.0, started + self.count / A_SECOND - monotonic())):
                    self._write_something()
                    self.count += 1
            except BaseException as error:  # noqa: BLE001
                self.errors.append(error)
            db.session.remove()

    def _write_something(self) -> None:
        turn = self.count % 50
        if turn == 0:
            self._exchange_id = factories.an_exchange()
        elif turn == 49:
            drawn.draw(self._exchange_id)
        elif turn % 12 == 1:
            self._person = factories.a_participant(self._exchange_id)
        elif turn % 12 == 2:
            wishlists.add(self._person, "Gingerbread")
        else:
            audit.note("exchange.changed", exchange_id=self._exchange_id)


@on_both_in_full
@pytest.mark.fault
@pytest.mark.timeout(rounds(120, 3600))
def test_each_backup_under_load_comes_back_whole(
    any_app: Flask, tmp_path: Path, record_property: Figure
) -> None:
    here, began = settings_of(any_app), monotonic()
    with Writer(any_app) as writer:
        for number in range(rounds(2, 50)):
            written = writer.count
            wait_until(lambda: writer.count > written + 50, "some writing")  # noqa: B023
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
        record_property("writes a second", round(writer.count / (monotonic() - began)))
    assert writer.errors == []
    with running(other):
        queue.resume()
        sent = sum(iter(lambda: delivery.deliver(catalogue.render).sent, 0))
        assert sent == manifest.tables["letter"].rows > 0
