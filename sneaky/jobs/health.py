"""Is all well? As a dict for people and machines, as reasons not to be ready, and as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from sneaky.core import schema
from sneaky.core.db import db, has_engine, transaction
from sneaky.core.errors import words
from sneaky.executions import health
from sneaky.jobs.overview import JobLine, jobs_overview
from sneaky.models import Letter


def scheduler_health_check() -> dict[str, Any]:
    """The scheduler's health: `status` healthy or unhealthy, `reason`, `jobs`, `leader`, `last_tick`.

    It looks at what the leader's thread last did, not at a flag that says it runs.
    """
    try:
        leader, jobs = health.leader(), health.stored_jobs()
    except SQLAlchemyError as error:
        db.session.remove()
        reason = f"the database does not answer ({type(error).__name__})"
        return {"status": "unhealthy", "reason": reason, "jobs": 0, "leader": None, "last_tick": None}
    return {
        "status": "unhealthy" if leader.trouble else "healthy",
        "reason": leader.trouble,
        "jobs": jobs,
        "leader": leader.holder,
        "last_tick": leader.ticked_at.isoformat() if leader.ticked_at else None,
    }


def reasons_not_ready() -> list[str]:
    """Why people should not be sent here: each reason in words; an empty list means ready."""
    try:
        reasons = [*_schema_reasons(), *_outbox_reasons()]
        trouble = health.leader().trouble
    except SQLAlchemyError as error:
        db.session.remove()
        return [f"the database does not answer ({type(error).__name__})"]
    return [*reasons, trouble] if trouble else reasons


def jobs_report() -> dict[str, Any]:
    """The scheduler and each job, for `/health/jobs`: no names of people or hosts."""
    overview = jobs_overview()
    return {
        "scheduler": scheduler_health_check(),
        "leader": {
            "instance": overview.leader.holder,
            "term": overview.leader.term,
            "since": overview.leader.since.isoformat() if overview.leader.since else None,
        },
        "active": [line.id for line in overview.jobs if line.running is not None],
        "overdue": [line.id for line in overview.jobs if line.is_overdue],
        "parked": overview.parked,
        "jobs": {line.id: _plain(line) for line in overview.jobs},
    }


def _plain(line: JobLine) -> dict[str, Any]:
    last = line.last_runs[-1] if line.last_runs else None
    return {
        "schedule": line.schedule,
        "next_run": line.next_run_at.isoformat() if line.next_run_at else None,
        "last_state": last.state.value if last else None,
        "last_run": last.started_at.isoformat() if last else None,
        "paused": line.is_paused,
        "overdue": line.is_overdue,
    }


def _schema_reasons() -> Iterator[str]:
    current = schema.current(db.session.connection())
    if current is None or current < _head():  # a later one only adds to ours, while versions are changed
        yield f"the database is at revision {current}, this version needs {_head()}"
    if has_engine() and not schema.is_engine_ready(db.session.connection()):
        yield words("the tables of procrastinate are missing; run sneaky db upgrade")


def _outbox_reasons() -> Iterator[str]:
    try:
        with transaction() as session:
            session.execute(update(Letter).where(Letter.id == 0).values(attempts=Letter.attempts))
    except SQLAlchemyError as error:
        yield f"no letter can be put into the outbox ({type(error).__name__})"


@cache
def _head() -> str:
    return schema.head()
