"""Runs that wait for a worker: left by the leader, taken under a lease, put back where a worker is gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select, update

from sneaky.core.clock import now
from sneaky.core.db import brief_transaction, db, nudge_after_commit, rows_written
from sneaky.core.tokens import new_nonce, new_public_id
from sneaky.executions.claims import Claim, Fence, Refusal, check_term, open_slot
from sneaky.models import ExecutionState, JobExecution, Trigger
from sneaky.models.clockwork import WAITS_FOR_A_WORKER

_NOBODY = ""


def leave(
    job_id: str,
    slot: datetime,
    *,
    trigger: Trigger,
    pool: str = "default",
    fence: Fence | None = None,
    request: str | None = None,
) -> Refusal | None:
    """Write down the run of `slot` (UTC instant) for a worker to take; what keeps it from being, if anything.

    The same rules hold as for a claim, and it raises `NotLeading` as `claims.claim` does. `pool` says with
    which work it shares hands.
    """
    with brief_transaction():
        opened = open_slot(
            job_id,
            slot,
            fence=fence,
            request=request,
            public_id=request or new_public_id(),
            trigger=trigger,
            instance=_NOBODY,
        )
        if isinstance(opened, Refusal):
            return opened
        nudge_after_commit(pool, opened)
    return None


def put_back(execution_id: int, lease_id: str, *, pool: str = "default", fence: Fence | None = None) -> bool:
    """Let a run whose worker is gone be taken by another one, in its next attempt; False: it moved on."""
    with brief_transaction() as session:
        if fence is not None:
            check_term(session, fence)
        ours = update(JobExecution).where(
            JobExecution.id == execution_id,
            JobExecution.state == ExecutionState.RUNNING,
            JobExecution.lease_id == lease_id,
        )
        freed = ours.values(lease_id=None, lease_until=None, attempt=JobExecution.attempt + 1)
        is_freed = rows_written(session, freed) == 1
        if is_freed:
            nudge_after_commit(pool, execution_id)
        return is_freed


def all_that_wait() -> dict[int, str]:
    """The id of each run that waits for a worker, with its job id."""
    rows = db.session.execute(select(JobExecution.id, JobExecution.job_id).where(WAITS_FOR_A_WORKER))
    return {row.id: row.job_id for row in rows}


def take(
    *, instance: str, lease: timedelta, but: Collection[str] = (), only: int | None = None
) -> Claim | None:
    """Take the run that has waited longest, passing over those that somebody else is taking right now.

    `but` are job ids to leave to others; `only` is the id of the one run to take. None: nothing waits.
    """
    fresh = new_nonce()
    oldest = (
        select(JobExecution.id)
        .where(WAITS_FOR_A_WORKER, JobExecution.job_id.not_in(but))
        .order_by(JobExecution.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        oldest = oldest.where(JobExecution.id == only)
    has_not_begun = JobExecution.instance == _NOBODY
    with brief_transaction() as session:
        row = session.execute(
            update(JobExecution)
            .where(JobExecution.id == oldest.scalar_subquery(), JobExecution.lease_id.is_(None))
            .values(
                lease_id=fresh,
                lease_until=now() + lease,
                started_at=case((has_not_begun, now()), else_=JobExecution.started_at),
                instance=instance,
            )
            .returning(
                JobExecution.id,
                JobExecution.public_id,
                JobExecution.job_id,
                JobExecution.slot,
                JobExecution.trigger,
                JobExecution.attempt,
                JobExecution.counts,
            )
            .execution_options(synchronize_session=False)
        ).one_or_none()
    if row is None:
        return None
    return Claim(
        row.id, row.public_id, row.job_id, row.slot, row.trigger, fresh, row.attempt, dict(row.counts)
    )


def withdraw(taken: Claim) -> None:
    """Take a run out of the history again, as if it had never been left: for ticks, which leave no row."""
    with brief_transaction() as session:
        session.execute(
            delete(JobExecution)
            .where(JobExecution.id == taken.execution_id, JobExecution.lease_id == taken.lease_id)
            .execution_options(synchronize_session=False)
        )
