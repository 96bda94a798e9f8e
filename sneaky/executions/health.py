"""How the clock stands, read from rows, so that every process can tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import words
from sneaky.models import JobExecution, Leader, Trigger, job_store_table

TICKED_WITHIN = timedelta(seconds=60)
PARKED = "parked:"

_stored = job_store_table.c
_is_parked = _stored.id.startswith(PARKED, autoescape=True)


@dataclass(frozen=True)
class LeaderView:
    """Who leads, by the opaque id of the process, since when, and when its last good round ended."""

    holder: str | None
    term: int
    since: datetime | None
    ticked_at: datetime | None

    @property
    def is_ticking(self) -> bool:
        """Whether the clock of the leader went round in the last minute."""
        return self.ticked_at is not None and abs(now() - self.ticked_at) < TICKED_WITHIN

    @property
    def trouble(self) -> str:
        """What is wrong, in words; empty while all is well."""
        if self.holder is None:
            return words("no process leads the clock")
        if self.ticked_at is None:
            return words("the leader has not gone round yet")
        return "" if self.is_ticking else f"the leader's last round was at {self.ticked_at:%F %H:%M:%S} UTC"


def leader() -> LeaderView:
    """Who leads right now, whatever this session read before."""
    with db.engine.connect() as connection:
        row = connection.execute(
            select(Leader.holder, Leader.term, Leader.since, Leader.ticked_at)
        ).one_or_none()
    return LeaderView(*row) if row is not None else LeaderView(None, 0, None, None)


def stored_jobs() -> int:
    """How many jobs are scheduled right now, parked ones left out."""
    with db.engine.connect() as connection:
        counted = select(func.count()).select_from(job_store_table).where(~_is_parked)
        return connection.scalar(counted) or 0


def parked_jobs() -> list[str]:
    """The job ids of rows that no job of this version can run; they are kept."""
    parked = select(_stored.id).where(_stored.next_run_time.is_(None), _is_parked)
    ids = db.session.scalars(parked.order_by(_stored.id))
    return [job_id.removeprefix(PARKED).partition(":")[2] for job_id in ids]


def next_runs(job_ids: Iterable[str]) -> dict[str, datetime | None]:
    """When each of these jobs runs next; None for a paused one. Jobs that are not scheduled are left out."""
    rows = db.session.execute(select(_stored.id, _stored.next_run_time).where(_stored.id.in_(list(job_ids))))
    return {
        row.id: None if row.next_run_time is None else datetime.fromtimestamp(row.next_run_time, UTC)
        for row in rows
    }


def caught_up() -> int:
    """How many slots on record were run late because nobody was there at their time."""
    late = select(func.count()).select_from(JobExecution).where(JobExecution.trigger == Trigger.CATCH_UP)
    return db.session.scalar(late) or 0
