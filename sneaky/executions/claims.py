"""The claim: a row that says who runs which slot of a job, kept alive by its lease."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import brief_transaction, rows_written
from sneaky.core.errors import SneakyError, words
from sneaky.core.tokens import new_nonce, new_public_id
from sneaky.executions.rows import insert_new
from sneaky.models import ExecutionState, JobExecution, Leader, RequestState, RunRequest, Trigger

LEASE = timedelta(seconds=30)
# How often a run is begun before it is given up.
ATTEMPTS = 3


class NotLeading(SneakyError):
    """Another process leads by now, so this one claims nothing."""


class LeaseLost(SneakyError):
    """The run was taken away from this process: another one continues it."""


@dataclass(frozen=True)
class Fence:
    """The term under which a leader claims; a later term makes it worthless."""

    holder: str
    term: int


class Refusal(Enum):
    """Why there is no claim to be had."""

    ALREADY = words("this slot has its run already")
    BUSY = words("it is running right now")


@dataclass(frozen=True)
class Claim:
    """A run that is ours as long as its lease is renewed."""

    execution_id: int
    public_id: str
    job_id: str
    slot: datetime
    trigger: Trigger
    lease_id: str
    attempt: int = 1
    counts: dict[str, int] = field(default_factory=dict)


def claim(
    job_id: str,
    slot: datetime,
    *,
    trigger: Trigger,
    instance: str,
    fence: Fence | None = None,
    request: str | None = None,
    lease: timedelta = LEASE,
) -> Claim | Refusal:
    """Claim `slot` (UTC instant) of a job: one run for each slot, and one at a time for each job.

    The run answers `request`, the public id of one that waits: it takes over that id, so that the address
    somebody was given shows the run. Raises `NotLeading` where `fence` names a term that has passed.
    """
    lease_id, public_id = new_nonce(), request or new_public_id()
    opened = open_slot(
        job_id,
        slot,
        fence=fence,
        request=request,
        public_id=public_id,
        trigger=trigger,
        instance=instance,
        lease_id=lease_id,
        lease_until=now() + lease,
    )
    if isinstance(opened, Refusal):
        return opened
    return Claim(opened, public_id, job_id, slot, trigger, lease_id)


def open_slot(
    job_id: str, slot: datetime, *, fence: Fence | None, request: str | None, **columns: Any
) -> int | Refusal:
    """Write down the one run of a slot and return its id; whoever is second learns why there is none.

    Raises `NotLeading` where `fence` names a term that has passed.
    """
    with brief_transaction() as session:
        if fence is not None:
            check_term(session, fence)
        execution_id = insert_new(
            JobExecution,
            job_id=job_id,
            slot=slot,
            state=ExecutionState.RUNNING,
            term=fence.term if fence else 0,
            started_at=now(),
            **columns,
        )
        if execution_id is None:
            taken = select(JobExecution.id).where(JobExecution.job_id == job_id, JobExecution.slot == slot)
            return Refusal.ALREADY if session.scalar(taken) else Refusal.BUSY
        if request is not None:
            session.execute(
                update(RunRequest)
                .where(RunRequest.public_id == request)
                .values(state=RequestState.TAKEN, execution_id=execution_id)
            )
    return execution_id


def reclaim(
    execution_id: int,
    lease_id: str | None,
    *,
    instance: str,
    fence: Fence | None = None,
    lease: timedelta = LEASE,
) -> Claim | None:
    """Take over a run whose process is gone, at the lease it was seen to hold; None where it moved on.

    A run that was handed over (it holds no lease) goes on in the same attempt; any other one in the next.
    Raises `NotLeading` as `claim` does.
    """
    fresh = new_nonce()
    with brief_transaction() as session:
        if fence is not None:
            check_term(session, fence)
        row = session.execute(
            update(JobExecution)
            .where(
                JobExecution.id == execution_id,
                JobExecution.state == ExecutionState.RUNNING,
                JobExecution.lease_id.is_not_distinct_from(lease_id),
            )
            .values(
                lease_id=fresh,
                lease_until=now() + lease,
                attempt=JobExecution.attempt + (0 if lease_id is None else 1),
                term=fence.term if fence else JobExecution.term,
                instance=instance,
            )
            .returning(
                JobExecution.public_id,
                JobExecution.job_id,
                JobExecution.slot,
                JobExecution.trigger,
                JobExecution.attempt,
                JobExecution.counts,
            )
        ).one_or_none()
    if row is None:
        return None
    return Claim(
        execution_id, row.public_id, row.job_id, row.slot, row.trigger, fresh, row.attempt, dict(row.counts)
    )


def renew(claimed: Claim, *, lease: timedelta = LEASE, **progress: Any) -> bool:
    """Keep the claim for another `lease` and store `progress` (columns); True: somebody asked it to stop.

    Raises `LeaseLost` where the run is no longer ours.
    """
    with brief_transaction() as session:
        changed = session.execute(
            _ours(claimed)
            .values(lease_until=now() + lease, **progress)
            .returning(JobExecution.is_stop_requested)
        ).one_or_none()
    if changed is None:
        raise LeaseLost
    return bool(changed.is_stop_requested)


def hand_over(claimed: Claim, **progress: Any) -> None:
    """Let go of a run that is not done, so that whoever is next goes on with it at once."""
    with brief_transaction() as session:
        session.execute(_ours(claimed).values(lease_id=None, lease_until=None, **progress))


def settle(session: Session, claimed: Claim, state: ExecutionState, **facts: Any) -> None:
    """End a run in the open transaction; raises `LeaseLost` where it is no longer ours."""
    ended = {"state": state, "finished_at": now(), "lease_id": None, "lease_until": None}
    if rows_written(session, _ours(claimed).values(**ended, **facts)) != 1:
        raise LeaseLost


def _ours(claimed: Claim) -> Update:
    return update(JobExecution).where(
        JobExecution.id == claimed.execution_id,
        JobExecution.lease_id == claimed.lease_id,
        JobExecution.state == ExecutionState.RUNNING,
    )


def check_term(session: Session, fence: Fence) -> None:
    """Raise where the term is not ours. No lock: should it pass right now, the slot is still claimed once."""
    ours = select(Leader.id).where(Leader.id == 1, Leader.holder == fence.holder, Leader.term == fence.term)
    if session.scalar(ours) is None:
        raise NotLeading
