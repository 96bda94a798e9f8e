"""The audit trail as a page shows it: newest first, ids only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.models import AuditEntry

PAGE_SIZE = 50


@dataclass(frozen=True)
class TrailEntry:
    """One line: what was done, by which organizer, in which exchange."""

    at: datetime
    action: str
    organizer_id: int | None
    exchange_id: int | None
    details: dict[str, Any]


@dataclass(frozen=True)
class TrailPage:
    """One page of the trail, and every action that occurs in it; pages count from 1."""

    entries: list[TrailEntry]
    actions: list[str]
    number: int
    pages: int
    total: int


def page(number: int, *, action: str = "") -> TrailPage:
    """One page of all lines, or of those of one action; `number` is moved into range."""
    chosen = [AuditEntry.action == action] if action else []
    total = db.session.scalars(select(func.count()).select_from(AuditEntry).where(*chosen)).one()
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    rows = db.session.execute(
        select(
            AuditEntry.at,
            AuditEntry.action,
            AuditEntry.organizer_id,
            AuditEntry.exchange_id,
            AuditEntry.details,
        )
        .where(*chosen)
        .order_by(AuditEntry.id.desc())
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    )
    actions = db.session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action))
    return TrailPage([TrailEntry(*row) for row in rows], list(actions), number, pages, total)
