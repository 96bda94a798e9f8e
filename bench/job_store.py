"""The clock's work with a hundred thousand reminders, against a thousand: nothing may read all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import cast

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from sqlalchemy import create_engine, insert

from bench.harness import Parts, Row, at_least, at_most
from bench.instance import instance
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import ExchangeState, Reminder, ReminderState
from sneaky.scheduler.arming import Arming
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.store import CarefulJobStore
from tests import factories

FEW, MANY = 1_000, 100_000
DAYS = 365
ROUNDS = 7


class _AtRest:
    """A scheduler that runs nothing and need not be woken."""

    timezone = UTC

    def wakeup(self) -> None:
        """There is nobody to wake."""


def reminders_ahead() -> Iterator[Row]:
    """What a start and a tick cost when nothing is due."""
    few_start, few_tick, _ = _figures(FEW)
    start, tick, everything = _figures(MANY)
    yield at_most(2, start / few_start, metric="job store with 100k reminders, start", against="1k reminders")
    yield at_most(2, tick / few_tick, metric="job store with 100k reminders, tick", against="1k reminders")
    yield at_least(
        50,
        everything / tick,
        metric="tick with 100k reminders",
        against="reading every job",
        note=f"{tick * 1000:.1f} against {everything * 1000:.0f} ms",
    )


def _figures(number: int) -> tuple[float, float, float]:
    """Least seconds of processor time of a start, of a later tick, and of reading every stored job."""
    with instance():
        engine = create_engine(db.engine.url)
        store = CarefulJobStore(engine)
        _plan(number)
        at_rest = cast("GuardedScheduler", _AtRest())
        arming = Arming(at_rest, store)
        armed, goal = 0, number
        while armed < goal:
            arming.round()
            armed = db.session.query(Reminder).filter(Reminder.armed_for.is_not(None)).count()
        starts, ticks = [], []
        for _ in range(ROUNDS):
            fresh = Arming(at_rest, store)
            starts.append(_look(fresh, store))
            _look(fresh, store)  # the second round of a leader counts both sides, once
            ticks.append(_look(fresh, store))
        began = time.process_time()
        SQLAlchemyJobStore.get_all_jobs(store)
        everything = time.process_time() - began
        engine.dispose()
    return min(starts), min(ticks), everything


def _look(arming: Arming, store: CarefulJobStore) -> float:
    """What a tick does when nothing is due."""
    began = time.process_time()
    arming.round()
    assert not store.get_due_jobs(now())
    store.get_next_run_time()
    return time.process_time() - began


def _plan(number: int) -> None:
    """So many reminders, far ahead."""
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


PARTS: Parts = {"reminders": reminders_ahead}
