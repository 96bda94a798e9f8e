"""Follows the law: where an update brings other rules for a zone, instants move and wall times stay."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound
from sneaky.exchanges.rows import held_exchange
from sneaky.models import Exchange
from sneaky.reminders import planning

# A law moves clocks by an hour or two; what is farther off was no law.
_FARTHEST = timedelta(hours=3)


def derive_instants(exchange: Exchange) -> None:
    """Write the instants of an exchange anew, from its wall times and zone."""
    ends = exchange.registration_ends_local
    exchange.event_at = planning.to_instant(exchange.event_local, exchange.zone)
    exchange.registration_ends_at = planning.to_instant(ends, exchange.zone) if ends else None


def follow() -> int:
    """Move what lies ahead to where the rules of today put its wall times; returns how many exchanges moved.

    Looks at all of it, so it is for once in a while: rules only change with an update.
    """
    moved = _exchanges_off() | planning.exchanges_off(_FARTHEST)
    db.session.remove()
    for exchange_id in sorted(moved):
        with suppress(NotFound), transaction() as session:  # erased a moment ago
            derive_instants(held_exchange(session, exchange_id))
            planning.move(exchange_id)
    return len(moved)


def _exchanges_off() -> set[int]:
    ahead = select(
        Exchange.id,
        Exchange.zone,
        Exchange.event_local,
        Exchange.event_at,
        Exchange.registration_ends_local,
        Exchange.registration_ends_at,
    ).where(Exchange.completed_at.is_(None), Exchange.event_at > now())
    return {
        row.id
        for row in db.session.execute(ahead)
        if _is_off(row.event_local, row.zone, row.event_at)
        or _is_off(row.registration_ends_local, row.zone, row.registration_ends_at)
    }


def _is_off(local: datetime | None, zone: str, instant: datetime | None) -> bool:
    return local is not None and instant is not None and planning.is_off(local, zone, instant, _FARTHEST)
