"""The audit trail: who did what when, in ids only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from sneaky.core.clock import now
from sneaky.core.db import rows_written, transaction
from sneaky.models import AuditEntry

KEPT = timedelta(days=365)


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


def prune(older_than: datetime, limit: int) -> int:
    """Forget lines from before an instant, at most `limit` of them; how many."""
    oldest = select(AuditEntry.id).where(AuditEntry.at < older_than).order_by(AuditEntry.at).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(AuditEntry).where(AuditEntry.id.in_(oldest)))
