"""Tells givers that a wish list changed: collected, late, and never so that the moment gives anybody away."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import (
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    LetterKind,
    Match,
    Participant,
    ParticipantState,
)
from sneaky.outbox import queue

# A change is remembered by the hour in which it fell. Two hours after that hour began, the list has been
# quiet for one at least, and all changes of the hour are told together.
SETTLED_AFTER = timedelta(hours=2)
AT_MOST_EVERY = timedelta(days=1)


def tell_givers(limit: int) -> int:
    """Queue a letter to up to `limit` givers whose recipient's list changed and stayed quiet for an hour.

    A giver hears of it once a day at most, and only after opening the match: before that the page tells.
    Called by a tick, so that no letter goes out at the instant of its cause. Returns how many letters.
    """
    if db.session.execute(_due(now()).limit(1)).first() is None:
        return 0
    with transaction() as session:
        rows = session.execute(_due(now()).limit(limit).with_for_update(of=Match, skip_locked=True)).all()
        for match, giver in rows:
            match.wish_list_changed_at, match.wish_list_told_at = None, now()
            queue.put(
                LetterKind.WISH_LIST_CHANGED,
                giver.email,
                exchange_id=giver.exchange_id,
                participant_id=giver.id,
            )
        return len(rows)


def _due(at: datetime) -> Select[Match, Participant]:
    """Matches whose giver (or stand-in) takes part, wants notices, and has not heard of the change lately."""
    return (
        select(Match, Participant)
        .join(Draw, Draw.id == Match.draw_id)
        .join(Exchange, Exchange.id == Draw.exchange_id)
        .join(Participant, Participant.id == func.coalesce(Match.stand_in_id, Match.giver_id))
        .where(
            Match.wish_list_changed_at <= at - SETTLED_AFTER,
            or_(Match.wish_list_told_at.is_(None), Match.wish_list_told_at <= at - AT_MOST_EVERY),
            or_(Match.revealed_at.is_not(None), Match.stand_in_id.is_not(None)),
            Draw.state == DrawState.CURRENT,
            Exchange.state == ExchangeState.MATCHED,
            Participant.state == ParticipantState.ACTIVE,
            Participant.wants_notices,
        )
        .order_by(Match.id)
    )
