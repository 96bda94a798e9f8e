"""Completes exchanges by themselves: set-based, in short batches."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from sneaky.core.db import transaction
from sneaky.exchanges.rows import BEFORE_DRAW
from sneaky.models import CompletedReason, Exchange, ExchangeState
from sneaky.reminders import planning

NEVER_DRAWN_AFTER = timedelta(days=30)


def complete_due(now: datetime, limit: int) -> int:
    """Complete up to `limit` matched exchanges whose date has passed at `now`, in one transaction.

    Returns how many; fewer than `limit` means that none is left.
    """
    with transaction():
        number = _complete([ExchangeState.MATCHED], CompletedReason.DATE_PASSED, now, now, limit)
        if number:
            planning.cancel_overtaken(now)
    return number


def complete_never_drawn(now: datetime, limit: int) -> int:
    """Complete up to `limit` exchanges that have no draw 30 days past their date; returns how many."""
    return _complete(sorted(BEFORE_DRAW), CompletedReason.NEVER_DRAWN, now - NEVER_DRAWN_AFTER, now, limit)


def _complete(
    states: list[ExchangeState], reason: CompletedReason, passed: datetime, at: datetime, limit: int
) -> int:
    """One UPDATE over some whose date is `passed`; unordered, since a batch would sort all that waits."""
    is_waiting = Exchange.completed_at.is_(None) & Exchange.state.in_(states)
    chosen = select(Exchange.id).where(is_waiting, Exchange.event_at <= passed).limit(limit)
    with transaction() as session:
        completed = session.execute(
            update(Exchange)
            .where(Exchange.id.in_(chosen), is_waiting)
            .values(state=ExchangeState.COMPLETED, completed_at=at, completed_reason=reason)
            .execution_options(synchronize_session=False)
        )
        return completed.rowcount  # type: ignore[attr-defined,no-any-return]
