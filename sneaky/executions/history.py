"""How runs ended: outcomes are written once, kept 90 days and counted for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import brief_transaction, db, insert_into, transaction
from sneaky.core.tokens import new_public_id
from sneaky.executions import alerts
from sneaky.executions.claims import Claim, settle
from sneaky.executions.rows import insert_new
from sneaky.models import ExecutionState, JobExecution, PrunedRuns, Trigger, TroubleKind

KEPT = timedelta(days=90)
_ERROR_LENGTH = 500
_REASON_LENGTH = 200
# How the job ids begin that hold the ids of what they are about.
ABOUT_AN_EXCHANGE = {"reminder_exchange_": "send_reminder_for_exchange", "draw_exchange_": "draw_names"}
BEGIN_OF_IDS = {job: begin for begin, job in ABOUT_AN_EXCHANGE.items()}


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what it did."""

    state: ExecutionState
    duration: float
    counts: dict[str, int] = field(default_factory=dict)
    done: int = 0
    total: int | None = None
    reason: str = ""
    error: str = ""
    traceback: str = ""
    log: str = ""

    def columns(self) -> dict[str, Any]:
        """The outcome as columns of the execution's row, except its state."""
        return {
            "duration": self.duration,
            "counts": self.counts,
            "done": self.done,
            "total": self.total,
            "reason": self.reason[:_REASON_LENGTH],
            "error": self.error[:_ERROR_LENGTH],
            "traceback": self.traceback,
            "log": self.log,
        }


def finish(claimed: Claim, outcome: Outcome, *, job: str) -> None:
    """End a claimed run; a failure raises the trouble of `job` and a success closes it, in one transaction.

    Raises `LeaseLost` where another process has taken the run over.
    """
    with brief_transaction() as session:
        settle(session, claimed, outcome.state, **outcome.columns())
        _tell(outcome, job, claimed.public_id)


def record_tick(job: str, outcome: Outcome, *, started_at: datetime, instance: str) -> str:
    """Write down, after the fact, a tick that did work or failed; returns the public id of its row."""
    public_id = new_public_id()
    with transaction():
        insert_new(
            JobExecution,
            public_id=public_id,
            job_id=job,
            slot=started_at,
            trigger=Trigger.CLOCK,
            state=outcome.state,
            started_at=started_at,
            finished_at=now(),
            instance=instance,
            **outcome.columns(),
        )
        _tell(outcome, job, public_id)
    return public_id


def abandon(execution_id: int, lease_id: str | None, *, job: str, reason: str) -> bool:
    """Give up a run whose process is gone and that used up its attempts; tells the admins."""
    with transaction() as session:
        row = session.scalars(
            select(JobExecution).where(
                JobExecution.id == execution_id,
                JobExecution.state == ExecutionState.RUNNING,
                JobExecution.lease_id.is_not_distinct_from(lease_id),
            )
        ).one_or_none()
        if row is None:
            return False
        row.state, row.reason, row.error = ExecutionState.ABANDONED, reason, reason
        row.finished_at, row.lease_id, row.lease_until = now(), None, None
        alerts.raise_trouble(TroubleKind.FAILED, job, execution=row.public_id, error=reason)
    return True


def usual_duration(job_id: str, *, runs: int = 20) -> float | None:
    """The longest of the last successful runs of a job, in seconds; None before the first one."""
    latest = (
        select(JobExecution.duration)
        .where(JobExecution.job_id == job_id, JobExecution.state == ExecutionState.SUCCEEDED)
        .order_by(JobExecution.slot.desc())
        .limit(runs)
        .subquery()
    )
    longest: float | None = db.session.scalar(select(func.max(latest.c.duration)))
    return longest


def prune(older_than: datetime, limit: int) -> int:
    """Delete up to `limit` ended runs that started before `older_than`; returns how many.

    They stay in the totals.
    """
    with transaction() as session:
        old = (
            select(JobExecution.id)
            .where(JobExecution.started_at < older_than, JobExecution.state != ExecutionState.RUNNING)
            .order_by(JobExecution.started_at)
            .limit(limit)
        )
        gone = session.execute(
            delete(JobExecution)
            .where(JobExecution.id.in_(old))
            .returning(JobExecution.job_id, JobExecution.state, JobExecution.duration)
            .execution_options(synchronize_session=False)
        ).all()
        for (job, state), seconds in _by_job_and_state(gone).items():
            _add_to_totals(session, job, state, len(seconds), sum(seconds))
    return len(gone)


def totals() -> dict[tuple[str, ExecutionState], tuple[int, float]]:
    """How many runs of each job are, or ever ended, in each state, and their seconds together."""
    found: dict[tuple[str, ExecutionState], tuple[int, float]] = {}
    kept = select(
        JobExecution.job_id,
        JobExecution.state,
        func.count(),
        func.sum(JobExecution.duration),
    ).group_by(JobExecution.job_id, JobExecution.state)
    pruned = select(PrunedRuns.job, PrunedRuns.state, PrunedRuns.runs, PrunedRuns.seconds)
    for rows in (db.session.execute(kept), db.session.execute(pruned)):
        for job_id, state, runs, seconds in rows:
            before = found.get((name_of(job_id), state), (0, 0.0))
            found[name_of(job_id), state] = (before[0] + runs, before[1] + (seconds or 0.0))
    return found


def name_of(job_id: str) -> str:
    """The job behind a job id, which for one about an exchange holds ids: `reminder_exchange_5_days_3`."""
    return next((job for begin, job in ABOUT_AN_EXCHANGE.items() if job_id.startswith(begin)), job_id)


def _by_job_and_state(rows: Sequence[Any]) -> dict[tuple[str, ExecutionState], list[float]]:
    grouped: dict[tuple[str, ExecutionState], list[float]] = {}
    for row in rows:
        grouped.setdefault((name_of(row.job_id), row.state), []).append(row.duration or 0.0)
    return grouped


def _add_to_totals(session: Session, job: str, state: ExecutionState, runs: int, seconds: float) -> None:
    first = insert_into(PrunedRuns).values(job=job, state=state, runs=runs, seconds=seconds)
    added = {
        "runs": PrunedRuns.runs + first.excluded.runs,
        "seconds": PrunedRuns.seconds + first.excluded.seconds,
    }
    session.execute(first.on_conflict_do_update(index_elements=["job", "state"], set_=added))


def _tell(outcome: Outcome, job: str, public_id: str) -> None:
    if outcome.state is ExecutionState.FAILED:
        alerts.raise_trouble(TroubleKind.FAILED, job, execution=public_id, error=outcome.error[:200])
    elif outcome.state is ExecutionState.SUCCEEDED:
        alerts.close(job)
