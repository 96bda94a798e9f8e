"""Servers that go away or answer too slowly: the database, and the mail server."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from sneaky import scheduler
from sneaky.app import create_app
from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.core.settings import Settings
from sneaky.jobs.work import WORKS, Run
from sneaky.models import LetterKind
from sneaky.outbox import queue
from tests.faults.processes import FAST, Instance, assert_sound, rounds, wait_until
from tests.postgres import PostgresServer


@pytest.mark.postgres
@pytest.mark.parametrize("any_app", ["postgresql"], indirect=True)
def test_a_database_restarted_under_load_loses_nothing(
    instance: Instance, any_app: Flask, postgres_server: PostgresServer
) -> None:
    restarts = rounds(2, 20)
    number = 60 * restarts
    [process] = instance.start_many(1, seconds=0.01)
    instance.plan_marks(range(number), within=3.0 * restarts)
    for _ in range(restarts):
        threading.Event().wait(random.uniform(0.3, 1.0))
        db.session.remove()
        db.engine.dispose()
        scheduler.clock_of(any_app)._store.engine.dispose()
        postgres_server.stop("immediate")
        threading.Event().wait(random.uniform(0.1, 0.5))
        postgres_server.start()
    instance.wait_for_marks(number)
    instance.assert_each_ran_once(number)
    assert process.is_alive
    assert instance.leader() is process


@pytest.fixture
def tarpit() -> Iterator[socket.socket]:
    """A mail server that takes the connection and never says a word; who waits is free once it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_mail_server_that_never_answers_delays_no_purge(
    settings: Settings, tarpit: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(replace(settings, mail_url=f"smtp://127.0.0.1:{tarpit.getsockname()[1]}"))
    scheduler.init_app(app, FAST)
    clock = scheduler.clock_of(app)
    begun: list[float] = []
    work = replace(WORKS["purge_old_exchanges"], body=lambda _run: begun.append(monotonic()))
    monkeypatch.setitem(WORKS, "purge_old_exchanges", work)
    sending = threading.Event()
    deliver = WORKS["deliver_letters"].body

    def deliver_and_tell(run: Run) -> None:
        sending.set()
        deliver(run)

    monkeypatch.setitem(WORKS, "deliver_letters", replace(WORKS["deliver_letters"], body=deliver_and_tell))
    with app.app_context():
        with transaction():
            for number in range(50):
                queue.put(LetterKind.TEST, to_email=f"ann{number}@example.org")
        clock.start()
        wait_until(lambda: clock.scheduler.ticked_at, "the clock goes round")
        clock.nudge("letters")
        clock.nudge("letters")
        assert sending.wait(60)
        due = now() + timedelta(seconds=0.2)
        clock.scheduler.modify_job("purge_old_exchanges", next_run_time=due)
        ordered = monotonic()
        wait_until(lambda: begun, "the purge begins")
        assert begun[0] - ordered < 2
        assert queue.counts().sent == 0
        tarpit.close()
        assert clock.stop()
        assert_sound()
        db.session.remove()
        db.engine.dispose()
