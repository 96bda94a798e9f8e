"""Requests: somebody wants a job to run, or a run to stop; the leader sees them and acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from sneaky.core.clock import now
from sneaky.core.db import db, nudge_after_commit, rows_written, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.models import ExecutionState, JobExecution, RequestState, RunRequest, Trigger


@dataclass(frozen=True)
class Request:
    """A wish for a run. Its public id is also that of the run it leads to."""

    public_id: str
    job_id: str
    trigger: Trigger
    state: RequestState
    reason: str
    requested_at: datetime


def ask(job_id: str, *, organizer_id: int | None = None, trigger: Trigger = Trigger.MANUAL) -> str:
    """Ask for a run of a job now; returns the public id under which request and run are found.

    A request that waits already is handed back instead of a second one.
    """
    with transaction() as session:
        already = waiting_for(job_id)
        if already is not None:
            return already
        request = RunRequest(job_id=job_id, trigger=trigger, organizer_id=organizer_id, requested_at=now())
        session.add(request)
        session.flush()
        nudge_after_commit("runs")
        return request.public_id


def retry(public_id: str, *, organizer_id: int | None = None) -> str:
    """Ask for a failed or abandoned run to be made again, as a new run.

    Raises `NotFound` for an unknown run and `RuleBroken` for one that did not fail.
    """
    row = db.session.execute(
        select(JobExecution.job_id, JobExecution.state).where(JobExecution.public_id == public_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    if row.state not in {ExecutionState.FAILED, ExecutionState.ABANDONED}:
        raise RuleBroken("Only a run that failed can be tried again. Run the job now instead.")
    return ask(row.job_id, organizer_id=organizer_id, trigger=Trigger.RETRY)


def stop(public_id: str) -> None:
    """Ask a run to stop after its current batch. Raises `NotFound`, or `RuleBroken` once it has ended."""
    with transaction() as session:
        state = session.scalar(select(JobExecution.state).where(JobExecution.public_id == public_id))
        if state is None:
            raise NotFound
        if state is not ExecutionState.RUNNING:
            raise RuleBroken("This run has already ended; there is nothing to stop.")
        session.execute(
            update(JobExecution)
            .where(JobExecution.public_id == public_id, JobExecution.state == ExecutionState.RUNNING)
            .values(is_stop_requested=True)
        )


def waiting_for(job_id: str) -> str | None:
    """The public id of the request for a run of this job that nobody took up yet; None without one."""
    wanted = select(RunRequest.public_id).where(
        RunRequest.job_id == job_id, RunRequest.state == RequestState.WAITING
    )
    return db.session.scalar(wanted.limit(1))


def waiting(limit: int = 50) -> list[Request]:
    """Requests that nobody took up yet, oldest first."""
    rows = db.session.scalars(
        select(RunRequest)
        .where(RunRequest.state == RequestState.WAITING)
        .order_by(RunRequest.requested_at, RunRequest.id)
        .limit(limit)
    )
    return [_plain(row) for row in rows]


def refuse(public_id: str, reason: str) -> None:
    """Turn down a waiting request, with the reason in words."""
    with transaction() as session:
        session.execute(
            update(RunRequest)
            .where(RunRequest.public_id == public_id, RunRequest.state == RequestState.WAITING)
            .values(state=RequestState.REFUSED, reason=reason[:200])
        )


def find(public_id: str) -> Request:
    """One request. Raises `NotFound`."""
    row = db.session.scalar(select(RunRequest).where(RunRequest.public_id == public_id))
    if row is None:
        raise NotFound
    return _plain(row)


def prune(older_than: datetime, limit: int) -> int:
    """Forget up to `limit` requests from before an instant that wait no more; how many."""
    old = select(RunRequest.id).where(
        RunRequest.state != RequestState.WAITING, RunRequest.requested_at < older_than
    )
    with transaction() as session:
        return rows_written(session, delete(RunRequest).where(RunRequest.id.in_(old.limit(limit))))


def latest(limit: int = 20) -> list[Request]:
    """The newest requests, whatever became of them."""
    rows = db.session.scalars(select(RunRequest).order_by(RunRequest.id.desc()).limit(limit))
    return [_plain(row) for row in rows]


def _plain(row: RunRequest) -> Request:
    return Request(row.public_id, row.job_id, row.trigger, row.state, row.reason, row.requested_at)
