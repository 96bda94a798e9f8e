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
        completed = _complete([ExchangeState.MATCHED], CompletedReason.DATE_PASSED, now, now, limit)
        if completed:
            planning.cancel_all(completed, "the exchange is over")
    return len(completed)


def complete_never_drawn(now: datetime, limit: int) -> int:
    """Complete up to `limit` exchanges that have no draw 30 days past their date; returns how many."""
    passed = now - NEVER_DRAWN_AFTER
    return len(_complete(sorted(BEFORE_DRAW), CompletedReason.NEVER_DRAWN, passed, now, limit))


def _complete(
    states: list[ExchangeState], reason: CompletedReason, passed: datetime, at: datetime, limit: int
) -> list[int]:
    """One UPDATE … RETURNING over those whose date is `passed`; on PostgreSQL rows that others hold wait."""
    chosen = (
        select(Exchange.id)
        .where(Exchange.state.in_(states), Exchange.event_at <= passed)
        .order_by(Exchange.event_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with transaction() as session:
        completed = session.scalars(
            update(Exchange)
            .where(Exchange.id.in_(chosen))
            .values(state=ExchangeState.COMPLETED, completed_at=at, completed_reason=reason)
            .returning(Exchange.id)
            .execution_options(synchronize_session=False)
        )
        return list(completed)
