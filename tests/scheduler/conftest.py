"""A clock at test speed, and a job that only records that it ran."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky import scheduler
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.jobs.timetable import BY_ID, RECURRING, Timed
from sneaky.jobs.work import WORKS, Run, Work
from sneaky.models import JobExecution
from sneaky.scheduler.clock import Clock, Pace

FAST = Pace(
    look=0.02,
    beat=0.05,
    take_over_after=2.0,
    tick=0.1,
    sync=0.05,
    lease=2.0,
    stuck_after=30.0,
    stop_within=30.0,
)

DAILY = "auto_complete_exchanges"
StartClock = Callable[..., Clock]


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Look again and again until `condition` holds; fail after so many seconds."""
    deadline = monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, "it never came to pass"
        pause.wait(0.01)


@dataclass
class Probe:
    """What the probe job saw: slots and ids of its runs; `body` may be replaced."""

    slots: list[datetime] = field(default_factory=list)
    ids: list[tuple[int, ...]] = field(default_factory=list)
    body: Callable[[Run], None] = lambda run: None

    def run(self, run: Run, *ids: int) -> None:
        self.slots.append(run.slot)
        self.ids.append(ids)
        self.body(run)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """A job called `probe`, known like any other, with ids `probe_{}` for date jobs."""
    made = Probe()
    timed = Timed("probe", "Probe", soft_limit=timedelta(seconds=30), hard_limit=timedelta(minutes=1))
    monkeypatch.setitem(WORKS, "probe", Work(timed, made.run, "probe_{}"))
    return made


@pytest.fixture
def daily(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The daily job `auto_complete_exchanges` (00:00 UTC) whose body only records; others do nothing."""
    made = Probe()
    for timed in RECURRING:
        monkeypatch.setitem(WORKS, timed.id, Work(timed, lambda _run: None))
    monkeypatch.setitem(WORKS, DAILY, Work(BY_ID[DAILY], made.run))
    return made


@pytest.fixture
def start_clock() -> Iterator[StartClock]:
    """Starts the clock of an app at test speed and waits until it leads; all are stopped at the end."""
    clocks: list[Clock] = []

    def start(app: Flask, *, leads: bool = True, pace: Pace = FAST) -> Clock:
        scheduler.init_app(app, pace)
        clock = scheduler.clock_of(app)
        clocks.append(clock)
        clock.start()
        if leads:
            wait_until(lambda: clock.scheduler.ticked_at is not None)
        return clock

    yield start
    for clock in clocks:
        clock.stop()
        assert clock.scheduler.wait_until_idle(60), "a run still holds its connection"
        clock._store.engine.dispose()


def executions(job_id: str) -> list[JobExecution]:
    """Every run of a job on record, oldest slot first, read anew."""
    db.session.remove()
    rows = db.session.scalars(
        select(JobExecution).where(JobExecution.job_id == job_id).order_by(JobExecution.slot)
    )
    return list(rows)
