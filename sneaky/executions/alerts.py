"""Troubles: told to the admins once, closed by the next success."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from sneaky.core.clock import now
from sneaky.core.db import db, rows_written, transaction
from sneaky.executions.rows import insert_new
from sneaky.models import LetterKind, Organizer, Trouble, TroubleKind
from sneaky.outbox import queue

ABOUT_JOBS = (TroubleKind.FAILED, TroubleKind.MISSING, TroubleKind.SLOW)


@dataclass(frozen=True)
class OpenTrouble:
    """Something the admins know about and that is not over."""

    kind: TroubleKind
    subject: str
    details: dict[str, Any]
    opened_at: datetime


def raise_trouble(kind: TroubleKind, job: str, *, execution: str = "", error: str = "") -> bool:
    """Open a trouble of `job` and write to every admin; False where it is open already.

    `execution` is the public id of the run to look at; `error` one short line without names or addresses.
    """
    at, facts = now(), {"job_id": job, "execution": execution, "kind": kind.value, "error": error}
    with transaction() as session:
        trouble_id = insert_new(Trouble, kind=kind, subject=job, details=facts, opened_at=at)
        if trouble_id is None:
            return False
        admins = session.execute(select(Organizer.id, Organizer.email).where(Organizer.is_admin)).all()
        for admin in admins:
            queue.put(
                LetterKind.JOB_FAILED,
                to_email=admin.email,
                organizer_id=admin.id,
                facts=facts,
                # SQLite gives the id of a trouble that was forgotten to another one.
                dedupe_key=f"trouble:{trouble_id}:{admin.id}:{at:%Y-%m-%dT%H:%M:%S}",
            )
    return True


def close(job: str) -> int:
    """Close every open trouble of `job`, since it has just succeeded; returns how many there were."""
    of_job = (Trouble.subject == job, Trouble.kind.in_(ABOUT_JOBS), Trouble.closed_at.is_(None))
    if db.session.scalar(select(Trouble.id).where(*of_job).limit(1)) is None:
        return 0
    with transaction() as session:
        closed = session.scalars(update(Trouble).where(*of_job).values(closed_at=now()).returning(Trouble.id))
        return len(closed.all())


def prune(older_than: datetime, limit: int) -> int:
    """Forget up to `limit` troubles that were closed before an instant; how many."""
    old = select(Trouble.id).where(Trouble.closed_at < older_than).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(Trouble).where(Trouble.id.in_(old)))


def is_open(kind: TroubleKind, job: str) -> bool:
    """Whether the admins know about this already."""
    known = select(Trouble.id).where(
        Trouble.kind == kind, Trouble.subject == job, Trouble.closed_at.is_(None)
    )
    return db.session.scalar(known.limit(1)) is not None


def open_troubles() -> list[OpenTrouble]:
    """What is wrong right now, oldest first."""
    rows = db.session.scalars(select(Trouble).where(Trouble.closed_at.is_(None)).order_by(Trouble.opened_at))
    return [OpenTrouble(row.kind, row.subject, dict(row.details), row.opened_at) for row in rows]
