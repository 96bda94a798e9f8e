"""Runs as pages show them: the last few of some jobs, one page of all, one with everything it said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select, union_all

from sneaky.core.db import db
from sneaky.models import ExecutionState, JobExecution, Trigger

PAGE_SIZE = 50

_TOLD = (
    JobExecution.public_id,
    JobExecution.job_id,
    JobExecution.slot,
    JobExecution.trigger,
    JobExecution.state,
    JobExecution.attempt,
    JobExecution.started_at,
    JobExecution.finished_at,
    JobExecution.duration,
    JobExecution.counts,
    JobExecution.done,
    JobExecution.total,
    JobExecution.is_stop_requested,
    JobExecution.reason,
    JobExecution.error,
)


@dataclass(frozen=True)
class RunRow:
    """One run of a job in a list; `duration` in seconds, None until it has ended."""

    public_id: str
    job_id: str
    slot: datetime
    trigger: Trigger
    state: ExecutionState
    attempt: int
    started_at: datetime
    finished_at: datetime | None
    duration: float | None
    counts: dict[str, int]
    done: int
    total: int | None
    is_stop_requested: bool
    reason: str
    error: str

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state is ExecutionState.RUNNING

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly, so that it may be tried again."""
        return self.state in {ExecutionState.FAILED, ExecutionState.ABANDONED}


@dataclass(frozen=True)
class RunDetails:
    """One run with all it left behind; `instance` is the opaque id of the process that ran it."""

    run: RunRow
    log: str
    traceback: str
    instance: str


@dataclass(frozen=True)
class RunPage:
    """One page of runs, newest first; pages count from 1."""

    runs: list[RunRow]
    number: int
    pages: int
    total: int


def latest(job_ids: Iterable[str], number: int) -> dict[str, list[RunRow]]:
    """The last `number` runs of each job, oldest first, by one statement; a job without runs is left out."""
    each = [_newest_of(job_id, number) for job_id in job_ids]
    found: dict[str, list[RunRow]] = {}
    if each:
        for row in db.session.execute(union_all(*each)):
            found.setdefault(row.job_id, []).append(_plain(row))
    return {job_id: sorted(runs, key=lambda run: run.slot) for job_id, runs in found.items()}


def running() -> dict[str, RunRow]:
    """The run in progress of each job that has one."""
    rows = db.session.execute(select(*_TOLD).where(JobExecution.state == ExecutionState.RUNNING))
    return {row.job_id: _plain(row) for row in rows}


def page(
    number: int, *, job_id: str = "", job_id_begin: str = "", state: ExecutionState | None = None
) -> RunPage:
    """One page of runs: of one job, of ids that begin alike, or of all; `number` is moved into range.

    Those of one job come by their slots, whose index spares the database sorting all of them.
    """
    chosen = [] if state is None else [JobExecution.state == state]
    if job_id:
        chosen.append(JobExecution.job_id == job_id)
    if job_id_begin:
        chosen.append(JobExecution.job_id.startswith(job_id_begin, autoescape=True))
    total = db.session.scalars(select(func.count()).select_from(JobExecution).where(*chosen)).one()
    newest = (
        [JobExecution.slot.desc()] if job_id else [JobExecution.started_at.desc(), JobExecution.id.desc()]
    )
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    rows = db.session.execute(
        select(*_TOLD).where(*chosen).order_by(*newest).offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    )
    return RunPage([_plain(row) for row in rows], number, pages, total)


def details(public_id: str) -> RunDetails | None:
    """One run with its log and error; None where no run of this id has begun."""
    kept = (JobExecution.log, JobExecution.traceback, JobExecution.instance)
    row = db.session.execute(select(*_TOLD, *kept).where(JobExecution.public_id == public_id)).one_or_none()
    return None if row is None else RunDetails(_plain(row), row.log, row.traceback, row.instance)


def _newest_of(job_id: str, number: int) -> Select[Any]:
    """The last runs of one job, read off the index of its slots."""
    newest = select(*_TOLD).where(JobExecution.job_id == job_id).order_by(JobExecution.slot.desc())
    return select(newest.limit(number).subquery())


def _plain(row: Row[Any]) -> RunRow:
    return RunRow(**{column.key: getattr(row, column.key) for column in _TOLD})
