"""Overrides: what an admin changed about a job, until taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, nudge_after_commit, transaction
from sneaky.executions.rows import put
from sneaky.models import JobOverride


@dataclass(frozen=True)
class Override:
    """Whether a job is paused, and the fields of its schedule that differ from the timetable."""

    is_paused: bool = False
    schedule: dict[str, int] = field(default_factory=dict)
    changed_at: datetime | None = None


def all_of_them() -> dict[str, Override]:
    """Every override by job id."""
    rows = db.session.scalars(select(JobOverride))
    return {row.job_id: Override(row.is_paused, row.schedule or {}, row.changed_at) for row in rows}


def set_paused(job_id: str, is_paused: bool, *, organizer_id: int | None = None) -> None:
    """Pause a job or let it go on. Runs that fell due while it was paused are not made up for."""
    with transaction():
        put(
            JobOverride,
            "job_id",
            job_id=job_id,
            is_paused=is_paused,
            organizer_id=organizer_id,
            changed_at=now(),
        )
        nudge_after_commit("schedule")


def set_schedule(job_id: str, schedule: Mapping[str, int] | None, *, organizer_id: int | None = None) -> None:
    """Give a job another schedule, already checked against its bounds; None goes back to the timetable."""
    with transaction():
        put(
            JobOverride,
            "job_id",
            job_id=job_id,
            schedule=dict(schedule) if schedule else None,
            organizer_id=organizer_id,
            changed_at=now(),
        )
        nudge_after_commit("schedule")
