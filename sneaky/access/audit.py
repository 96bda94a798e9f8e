"""The audit trail: who did what when, in ids only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from sneaky.core.clock import now
from sneaky.core.db import db, rows_written, transaction
from sneaky.models import AuditEntry

KEPT = timedelta(days=365)
MOST_REFUSALS = 100
LEFT_OUT = "left out for an hour"
_AN_HOUR = timedelta(hours=1)


def note(
    action: str, *, organizer_id: int | None = None, exchange_id: int | None = None, **details: Any
) -> None:
    """Write one line of the audit trail, in the open transaction if there is one.

    `action` is noun and verb in past tense, such as `draw.conducted`. `details` are small plain values:
    counts, states, ids of jobs; never names, addresses, or two participants of one match.
    """
    with transaction() as session:
        session.add(
            AuditEntry(
                at=now(), action=action, organizer_id=organizer_id, exchange_id=exchange_id, details=details
            )
        )


def note_refusal(
    action: str, *, organizer_id: int | None = None, exchange_id: int | None = None, **details: Any
) -> None:
    """Write down that somebody was turned away; `action` and `details` as for `note`.

    Call it outside of any transaction, which the refusal would take back. No flood fills the trail: of one
    action it takes `MOST_REFUSALS` lines an hour, of whomever they tell, and the last says that more are left
    out. Whose account was tried does not change the work.
    """
    latest = (
        select(AuditEntry.id)
        .where(AuditEntry.action == action, AuditEntry.at > now() - _AN_HOUR)
        .limit(MOST_REFUSALS)
    )
    written = db.session.scalars(select(func.count()).select_from(latest.subquery())).one()
    if written < MOST_REFUSALS:
        if written == MOST_REFUSALS - 1:
            details["and_more"] = LEFT_OUT
        note(action, organizer_id=organizer_id, exchange_id=exchange_id, **details)


def prune(older_than: datetime, limit: int) -> int:
    """Forget lines from before an instant, at most `limit` of them; how many."""
    oldest = select(AuditEntry.id).where(AuditEntry.at < older_than).order_by(AuditEntry.at).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(AuditEntry).where(AuditEntry.id.in_(oldest)))
