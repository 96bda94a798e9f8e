"""Tells people of unread messages: collected by the hour, so that the moment gives nobody away."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from secrets import SystemRandom

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.matches import seals
from sneaky.models import (
    Conversation,
    Exchange,
    ExchangeState,
    LetterKind,
    Message,
    MessageAuthor,
    Participant,
    ParticipantState,
)
from sneaky.outbox import queue

# Messages are remembered by the hour in which they fell; all of an hour are told together, a little after it.
SETTLED_AFTER = timedelta(hours=1, minutes=10)


def tell_unread(limit: int, *, rng: random.Random | None = None) -> int:
    """Queue a letter to those for whom messages wait unread, up to `limit` conversations.

    One letter tells of all messages of one conversation. Called by a tick, never at the instant of a message.
    Returns how many letters.
    """
    if db.session.execute(_waiting(now()).limit(1)).first() is None:
        return 0
    with transaction() as session:
        sides = [
            (row.conversation_id, row.match_id, row.author)
            for row in session.execute(_waiting(now()).limit(limit))
        ]
        (rng or SystemRandom()).shuffle(sides)  # the order of letters tells nothing about that of messages
        return sum(_tell(session, *side) for side in sides)


def _waiting(at: datetime) -> Select[str, str, MessageAuthor]:
    """The conversations with untold messages of an hour that is over, and which side wrote them."""
    return (
        select(Message.conversation_id, Conversation.match_id, Message.author)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(~Message.is_told, Message.sent_at <= at - SETTLED_AFTER)
        .distinct()
    )


def _tell(session: Session, conversation_id: str, match_id: str, author: MessageAuthor) -> bool:
    session.execute(
        update(Message)
        .where(Message.conversation_id == conversation_id, Message.author == author)
        .values(is_told=True)
        .execution_options(synchronize_session=False)
    )
    giver_id, recipient_id = seals.both_sides(match_id)
    is_to_giver = author is MessageAuthor.RECIPIENT
    reader = session.get(Participant, giver_id if is_to_giver else recipient_id)
    if reader is None or not _wants_to_hear(session, reader):
        return False
    side = MessageAuthor.GIVER if is_to_giver else MessageAuthor.RECIPIENT
    return queue.put(
        LetterKind.NEW_MESSAGE,
        reader.email,
        exchange_id=reader.exchange_id,
        participant_id=reader.id,
        facts={"side": side.value},
    )


def _wants_to_hear(session: Session, reader: Participant) -> bool:
    state = session.scalar(select(Exchange.state).where(Exchange.id == reader.exchange_id))
    takes_part = reader.state is ParticipantState.ACTIVE and state is ExchangeState.MATCHED
    return takes_part and reader.wants_notices
