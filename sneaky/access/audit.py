"""The audit trail: who did what when, in ids only."""

from __future__ import annotations

from typing import Any

from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.models import AuditEntry


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
