"""The history: outcomes kept 90 days, totals for good, the usual duration of a job."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import func, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import history
from sneaky.executions.history import Outcome
from sneaky.models import ExecutionState, JobExecution, PrunedRuns, Trigger


def runs(job_id: str, started_at: datetime, *, number: int = 1, **values: object) -> None:
    with transaction() as session:
        for index in range(number):
            slot = started_at + timedelta(seconds=index)
            fields = {
                "job_id": job_id,
                "slot": slot,
                "trigger": Trigger.CLOCK,
                "state": ExecutionState.SUCCEEDED,
                "started_at": slot,
                "duration": 2.0,
                "instance": "here",
            }
            session.add(JobExecution(**fields | values))


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(JobExecution)) or 0


def test_old_runs_are_pruned_in_batches_and_stay_in_the_totals(any_app: Flask) -> None:
    old, kept_since = now() - timedelta(days=91), now() - history.KEPT
    runs("probe", old, number=7)
    runs("reminder_exchange_5_days_3", old)
    runs("reminder_exchange_6_days_3", old)
    runs("probe", old, state=ExecutionState.FAILED, slot=old - timedelta(days=1))
    runs("probe", now() - timedelta(days=89))
    before = history.totals()
    assert [history.prune(kept_since, 4) for _ in range(4)] == [4, 4, 2, 0]
    assert count() == 1
    assert history.totals() == before
    assert before == {
        ("probe", ExecutionState.SUCCEEDED): (8, 16.0),
        ("probe", ExecutionState.FAILED): (1, 2.0),
        ("send_reminder_for_exchange", ExecutionState.SUCCEEDED): (2, 4.0),
    }
    assert len(db.session.scalars(select(PrunedRuns)).all()) == 3


def test_a_run_in_progress_is_never_pruned(app: Flask) -> None:
    runs("probe", now() - timedelta(days=200), state=ExecutionState.RUNNING)
    assert history.prune(now(), 10) == 0


def test_the_usual_duration_is_the_longest_of_the_last_successes(app: Flask) -> None:
    assert history.usual_duration("probe") is None
    runs("probe", now() - timedelta(days=3), duration=900.0)
    runs("probe", now() - timedelta(days=2), number=20, duration=3.0)
    runs("probe", now() - timedelta(days=1), state=ExecutionState.FAILED, duration=500.0)
    assert history.usual_duration("probe") == 3.0


def test_a_tick_is_written_down_as_one_ended_run(app: Flask) -> None:
    outcome = Outcome(ExecutionState.SUCCEEDED, 0.5, {"sent": 3}, done=3, reason="x" * 300)
    public_id = history.record_tick("probe", outcome, started_at=now(), instance="here")
    [row] = db.session.scalars(select(JobExecution))
    assert (row.public_id, row.counts, row.done, len(row.reason)) == (public_id, {"sent": 3}, 3, 200)
    assert row.finished_at is not None
