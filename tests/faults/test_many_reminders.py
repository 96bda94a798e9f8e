"""A hundred thousand planned reminders: a start and a round cost hardly more than with a thousand.

Measured as seconds of computing by this process, the database included (SQLite), so that other work on the
machine does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event
from time import process_time, thread_time

import pytest
from flask import Flask
from sqlalchemy import func, insert, select

from sneaky import scheduler
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import ExchangeState, Reminder, ReminderState, job_store_table
from sneaky.scheduler.clock import Clock
from tests import factories
from tests.faults.processes import FAST, ONE_DRAW, Figure, assert_sound, rounds, wait_until

FEW, MANY = 1_000, rounds(15_000, 100_000)
DAYS = 365


@pytest.fixture
def app_with_reminders(app: Flask) -> Iterator[Flask]:
    yield app
    db.session.remove()
    scheduler.clock_of(app)._store.engine.dispose()


def plan(number: int) -> None:
    """So many more reminders, far ahead, planned and not armed."""
    due = now() + timedelta(days=400)
    ids = [factories.an_exchange(state=ExchangeState.MATCHED) for _ in range(-(-number // DAYS))]
    rows = [
        {
            "exchange_id": ids[index // DAYS],
            "days_before": index % DAYS,
            "due_at": due + timedelta(seconds=index),
            "state": ReminderState.PLANNED,
        }
        for index in range(number)
    ]
    with transaction() as session:
        session.execute(insert(Reminder), rows)


def seconds_of_start(app: Flask) -> tuple[float, Clock]:
    """From the start to the end of the first round; and the clock, running."""
    scheduler.clock_of(app)._store.engine.dispose()
    scheduler.init_app(app, FAST)
    clock = scheduler.clock_of(app)
    began, pause = process_time(), Event()
    clock.start()
    while clock.scheduler.ticked_at is None:
        pause.wait(0.001)
    return process_time() - began, clock


def seconds_of_round(clock: Clock) -> float:
    """One round of the leader, with its look around, in this thread."""
    assert clock._sync is not None
    clock._sync.nudge("schedule")
    began = thread_time()
    clock._sync.round()
    clock.scheduler._submit_due()
    clock.scheduler._seconds_to_wait()
    return thread_time() - began


def measured(app: Flask, number: int) -> tuple[float, float]:
    """The quickest of several starts and of many rounds, with all reminders armed."""
    _first, clock = seconds_of_start(app)
    wait_until(lambda: armed() == number, "every reminder has its job", 240)
    clock.stop()
    starts, everything = [], []
    for _ in range(4):
        start, clock = seconds_of_start(app)
        starts.append(start)
        clock.scheduler.pause()
        everything += [seconds_of_round(clock) for _ in range(10)]
        clock.stop()
    return min(starts), min(everything)


def armed() -> int:
    db.session.remove()
    jobs = select(func.count()).select_from(job_store_table)
    return db.session.scalar(jobs.where(job_store_table.c.id.startswith("reminder_"))) or 0


@pytest.mark.skipif(not rounds(0, 1), reason="a measurement, for a quiet machine: in the full rounds")
def test_start_and_round_grow_less_than_twofold(app_with_reminders: Flask, record_property: Figure) -> None:
    plan(FEW)
    start_with_few, round_with_few = measured(app_with_reminders, FEW)
    plan(MANY - FEW)
    start_with_many, round_with_many = measured(app_with_reminders, MANY)
    record_property("start, times as long", round(start_with_many / start_with_few, 2))
    record_property("round, times as long", round(round_with_many / round_with_few, 2))
    assert start_with_many < 2 * start_with_few
    assert round_with_many < 2 * round_with_few
    assert_sound(but=ONE_DRAW)
