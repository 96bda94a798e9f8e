"""The fleet again with procrastinate as its engine: a worker killed, everybody harmed, the database away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from sneaky.app import create_app
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.core.settings import Settings
from sneaky.models import Worker
from tests.engine.conftest import engine_url, jobs, postgres_with_engine
from tests.faults.fleet import Fleet
from tests.faults.processes import Figure, Instance, rounds, wait_until
from tests.faults.test_fleet import (
    fleet,
    instance,
    number_of,
    postman,
    test_a_fleet_loses_nothing_whoever_is_killed_or_frozen,
)
from tests.postgres import PostgresServer

__all__ = [
    "engine_url",
    "fleet",
    "instance",
    "postgres_with_engine",
    "postman",
    "test_a_fleet_loses_nothing_whoever_is_killed_or_frozen",
]
pytestmark = [pytest.mark.postgres, pytest.mark.timeout(rounds(600, 3600))]

MARKS = rounds(120, 500)
AWAY = rounds(5, 90)


@pytest.fixture
def any_app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """The app on PostgreSQL with procrastinate, for what else runs on both databases."""
    url = request.getfixturevalue("engine_url")
    app = create_app(replace(settings, database_url=url, engine="procrastinate"))
    with app.app_context():
        yield app
        db.session.remove()
        for one in db.engines.values():
            one.dispose()


@pytest.fixture
def clock_and_workers(any_app: Flask, instance: Instance) -> Iterator[Fleet]:
    """One scheduler and two workers, paced as they are shipped."""
    settings = instance.settings
    made = Fleet(
        any_app,
        instance.folder,
        instance.marks_file,
        settings.mail_url,
        roles=("scheduler", "worker", "worker"),
        as_shipped=True,
    )
    try:
        made.start()
        wait_until(lambda: number_of(Worker.instance.is_not(None)) == 2, "two workers are there")
        yield made
    finally:
        made.end()


def test_of_two_workers_one_is_killed_and_every_run_is_made_once(
    instance: Instance, clock_and_workers: Fleet, record_property: Figure
) -> None:
    instance.plan_marks(range(MARKS))
    wait_until(lambda: instance.succeeded() > MARKS // 10, "they are at it")
    clock_and_workers.workers[0].kill()
    killed_at, done_before = monotonic(), instance.succeeded()
    instance.wait_for_marks(MARKS)
    record_property("seconds until all were done", round(monotonic() - killed_at, 1))
    record_property("runs done before the kill, in all", (done_before, MARKS))
    instance.assert_each_ran_once(MARKS)
    wait_until(lambda: jobs() == [], "nothing stalled is left behind")


def test_workers_come_back_with_their_database(
    instance: Instance, clock_and_workers: Fleet, postgres_server: PostgresServer
) -> None:
    instance.plan_marks(range(20), starts_in=2)
    wait_until(instance.succeeded, "they are at it")
    db.session.remove()
    postgres_server.stop("immediate")
    threading.Event().wait(AWAY)
    postgres_server.start()
    processes = [member.process for member in clock_and_workers.members]
    instance.wait_for_marks(20, 240)
    assert [member.process for member in clock_and_workers.members] == processes
    assert all(process is not None and process.poll() is None for process in processes)
    instance.assert_each_ran_once(20)
    wait_until(lambda: jobs() == [], "nothing is left behind")
