"""An app on PostgreSQL with procrastinate as its engine, a clock, and workers that it knocks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.schema import upgrade
from sneaky.core.settings import Settings
from sneaky.scheduler.clock import Clock
from sneaky.worker import Worker, make_worker
from sneaky.worker.procrastinating import EnginePace
from tests.postgres import PostgresServer
from tests.worker.conftest import FAST_CLOCK, at_work, clocks, probe, ticking

__all__ = ["probe", "ticking"]

FAST = EnginePace(
    look=0.1, beat=0.05, lease=1.0, stop_within=10.0, heartbeat=0.5, stalled=2.0, rescue=0.2, begin_again=0.1
)

StartClock = Callable[[Flask], Clock]
StartWorker = Callable[..., Worker]


@pytest.fixture(scope="session")
def postgres_with_engine(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database at head with procrastinate's tables, made once and copied for each test."""
    url = postgres_server.create_database()
    upgrade(url, tmp_path_factory.mktemp("with-engine"), with_engine=True)
    return url.rpartition("/")[2]


@pytest.fixture
def engine_url(postgres_server: PostgresServer, postgres_with_engine: str) -> Iterator[str]:
    """The address of a database with the engine's tables that exists for this test alone."""
    if not postgres_server.is_running():
        postgres_server.start()
    url = postgres_server.create_database(template=postgres_with_engine)
    yield url
    if postgres_server.is_running():
        postgres_server.drop_database(url)


@pytest.fixture
def make_app(settings: Settings, engine_url: str) -> Iterator[Callable[[str], Flask]]:
    """Makes apps on one database, each on the engine it is asked for."""
    made: list[Flask] = []

    def make(engine: str) -> Flask:
        made.append(create_app(replace(settings, database_url=engine_url, engine=engine)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            for one in db.engines.values():
                one.dispose()


@pytest.fixture
def engine_app(make_app: Callable[[str], Flask]) -> Iterator[Flask]:
    """The app whose work goes through procrastinate, in an app context."""
    app = make_app("procrastinate")
    with app.app_context():
        yield app
        db.session.remove()


@pytest.fixture
def start_clock() -> Iterator[StartClock]:
    """Starts the clock of an app."""
    with clocks() as start:
        yield lambda app: start(app, FAST_CLOCK)


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    """Starts the worker that fits an app's engine."""
    with at_work() as start:
        yield lambda app, threads=2, pace=FAST: start(make_worker(app, pace, threads=threads))


def jobs() -> list[tuple[str, str, str]]:
    """The engine's jobs: queue, task and status."""
    db.session.remove()
    rows = db.session.execute(
        text("SELECT queue_name, task_name, status::text FROM procrastinate_jobs ORDER BY id")
    )
    return [(row.queue_name, row.task_name, row.status) for row in rows]
