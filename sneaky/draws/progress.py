"""How a drawn exchange comes along, in counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, exists, func, select

from sneaky.core.db import db
from sneaky.models import (
    Draw,
    DrawState,
    Letter,
    LetterKind,
    LetterState,
    Match,
    Participant,
    ParticipantState,
    WishListItem,
)


@dataclass(frozen=True)
class DrawProgress:
    """Counts, never pairs: of `participants`, how many have got that far."""

    participants: int
    letters: int
    delivered: int
    revealed: int
    unacknowledged: int
    wish_lists: int
    has_gift: int
    sent: int
    received: int


def progress(exchange_id: int) -> DrawProgress:
    """How far the participants of an exchange are; before a draw most of it is zero."""
    current = select(Draw.id).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    is_here = (Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE)
    wishes = exists().where(WishListItem.participant_id == Participant.id)
    people = db.session.execute(
        select(func.count(), func.count(case((wishes, 1))), func.count(Participant.gift_received_at)).where(
            *is_here
        )
    ).one()
    letters = db.session.execute(
        select(func.count(), func.count(case((Letter.state == LetterState.SENT, 1)))).where(
            Letter.exchange_id == exchange_id,
            Letter.kind.in_([LetterKind.MATCH, LetterKind.RECIPIENT_CHANGED]),
            Letter.state != LetterState.DISCARDED,
        )
    ).one()
    unread = Match.changed_at.is_not(None) & Match.acknowledged_at.is_(None)
    matches = db.session.execute(
        select(
            func.count(Match.revealed_at),
            func.count(case((unread, 1))),
            func.count(Match.has_gift_at),
            func.count(Match.sent_at),
        ).where(Match.draw_id.in_(current))
    ).one()
    return DrawProgress(
        participants=people[0],
        letters=letters[0],
        delivered=letters[1],
        revealed=matches[0],
        unacknowledged=matches[1],
        wish_lists=people[1],
        has_gift=matches[2],
        sent=matches[3],
        received=people[2],
    )
