"""Tells givers that a wish list changed: collected, late, and never so that the moment gives anybody away."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import SystemRandom

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.matches import seals
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


@dataclass(frozen=True)
class _Notice:
    """A changed list whose turn it is; without a match to write to, nobody needs to hear of it."""

    recipient_id: int
    match_id: str | None = None
    giver_id: int = 0
    email: str = ""
    exchange_id: int = 0


def tell_givers(limit: int, *, rng: random.Random | None = None) -> int:
    """Queue a letter to the givers of up to `limit` wish lists that changed and then stayed quiet for 1 h.

    A giver hears of it once a day at most, and only after opening the match: before that the page tells.
    Called by a tick, so that no letter goes out at the instant of its cause. Returns how many letters.
    """
    if not _due(db.session(), now()):
        return 0
    with transaction() as session:
        notices = _due(session, now())
        (rng or SystemRandom()).shuffle(notices)  # the order of letters tells nothing about that of changes
        return sum(_tell(session, notice) for notice in notices[:limit])


def _due(session: Session, at: datetime) -> list[_Notice]:
    changed = session.scalars(
        select(Participant.id)
        .join(Exchange)
        .where(
            Participant.wish_list_changed_at <= at - SETTLED_AFTER, Exchange.state == ExchangeState.MATCHED
        )
    ).all()
    giver_of = seals.givers_of(changed) if changed else {}
    matches = _opened_matches(session, list(giver_of.values()))
    notices = []
    for recipient_id in changed:
        match, giver = matches.get(giver_of.get(recipient_id, 0), (None, None))
        if match is None or giver is None:
            notices.append(_Notice(recipient_id))
        elif match.wish_list_told_at is None or match.wish_list_told_at <= at - AT_MOST_EVERY:
            notices.append(_Notice(recipient_id, match.id, giver.id, giver.email, giver.exchange_id))
    return notices


def _opened_matches(session: Session, giver_ids: list[int]) -> dict[int, tuple[Match, Participant]]:
    """The opened matches of those givers who take part and want notices."""
    rows = session.execute(
        select(Match, Participant)
        .join(Draw, Draw.id == Match.draw_id)
        .join(Participant, Participant.id == Match.giver_id)
        .where(
            Match.giver_id.in_(giver_ids),
            Match.revealed_at.is_not(None),
            Draw.state == DrawState.CURRENT,
            Participant.state == ParticipantState.ACTIVE,
            Participant.wants_notices,
        )
    )
    return {giver.id: (match, giver) for match, giver in rows}


def _tell(session: Session, notice: _Notice) -> bool:
    """Write the letter, and forget when the list changed, so that no instant stands beside the letter's."""
    session.execute(
        update(Participant).where(Participant.id == notice.recipient_id).values(wish_list_changed_at=None)
    )
    if notice.match_id is None:
        return False
    session.execute(update(Match).where(Match.id == notice.match_id).values(wish_list_told_at=now()))
    return queue.put(
        LetterKind.WISH_LIST_CHANGED,
        notice.email,
        exchange_id=notice.exchange_id,
        participant_id=notice.giver_id,
    )
