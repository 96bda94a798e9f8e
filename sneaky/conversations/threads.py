"""Messages between a giver and a recipient: sealed, and telling no name, no id and no exact time."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import case, func, insert, select, update

from sneaky.core.clock import now
from sneaky.core.crypto import keyring, sealed_otherwise
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.core.tokens import digest, new_public_id
from sneaky.core.typed import paragraphs
from sneaky.matches import seals
from sneaky.models import (
    Conversation,
    Exchange,
    ExchangeState,
    Match,
    Message,
    MessageAuthor,
    Participant,
    ParticipantState,
)

BODY_LENGTH = 2000
MOST_MESSAGES = 500
OTHER_SIDE = {
    MessageAuthor.GIVER: MessageAuthor.RECIPIENT,
    MessageAuthor.RECIPIENT: MessageAuthor.GIVER,
}


@dataclass(frozen=True)
class ThreadMessage:
    """One message as one side sees it; only the day tells when."""

    is_mine: bool
    body: str
    sent_on: date


@dataclass(frozen=True)
class Thread:
    """A conversation as one side sees it, oldest message first.

    `about` is a mark of a giver's conversation, other than its id: with another recipient it is another one.
    """

    messages: Sequence[ThreadMessage]
    can_write: bool
    about: str = ""


@dataclass(frozen=True)
class Unread:
    """How many messages wait for a participant, by who wrote them; second gifts by their match."""

    from_giver: int
    from_recipient: int
    from_second: Mapping[str, int] = field(default_factory=dict)


def open_for(draw_id: int, rng: random.Random) -> None:
    """Open the missing conversations of a draw's matches, in random order; part of drawing and mending."""
    with transaction() as session:
        match_ids = list(
            session.scalars(
                select(Match.id)
                .outerjoin(Conversation, Conversation.match_id == Match.id)
                .where(Match.draw_id == draw_id, Conversation.id.is_(None))
            )
        )
        rng.shuffle(match_ids)
        if match_ids:
            session.execute(
                insert(Conversation),
                [{"id": new_public_id(), "match_id": match_id} for match_id in match_ids],
            )


def thread(participant_id: int, side: MessageAuthor, second: str | None = None) -> Thread:
    """The conversation in which this participant is the giver, or the recipient (`side`).

    With `second`, the id of a match, the giver's about a gift in somebody's place; raises `NotFound` where
    that is not theirs. Empty and closed where there is no match yet, or the giver has not opened it.
    """
    conversation_id = _conversation_id(participant_id, side, second)
    if conversation_id is None:
        return Thread((), can_write=False)
    rows = db.session.execute(
        select(Message.author, Message.body_sealed, Message.sent_at)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.id)
    )
    messages = [
        ThreadMessage(row.author is side, _unseal(row.body_sealed, conversation_id), row.sent_at.date())
        for row in rows
    ]
    return Thread(messages, can_write=_is_live(participant_id), about=_about(conversation_id, side))


def write(
    participant_id: int, side: MessageAuthor, body: str, second: str | None = None, *, about: str = ""
) -> None:
    """Send a message as the giver or the recipient; `second` as in `thread`.

    Raises `RuleBroken` for bad input (field `body`), before the match is opened, once all is over, and where
    the giver has written `about` an earlier match: who has it now would learn that there was one.
    """
    body = paragraphs(body, field="body", called=words("The message"), longest=BODY_LENGTH, is_required=True)
    with transaction() as session:
        conversation_id = _conversation_id(participant_id, side, second)
        if conversation_id is None:
            if side is MessageAuthor.GIVER:
                raise RuleBroken("Open your match first; then you can write.")
            raise RuleBroken("There is nobody to write to. Once the names are drawn there usually is.")
        if not _is_live(participant_id):
            raise RuleBroken("This exchange is over; its conversations are closed.")
        if about and about != _about(conversation_id, side):
            raise RuleBroken(
                "You give to somebody else by now, so this was not sent. Write only what is meant for them."
            )
        written = select(func.count()).where(Message.conversation_id == conversation_id)
        if (session.scalar(written) or 0) >= MOST_MESSAGES:
            raise RuleBroken("This conversation is full with %(most)d messages.", most=MOST_MESSAGES)
        session.add(
            Message(
                conversation_id=conversation_id,
                author=side,
                body_sealed=keyring().seal(body, context=_context(conversation_id)),
                sent_at=now().replace(minute=0, second=0, microsecond=0),
            )
        )


def mark_read(participant_id: int, side: MessageAuthor, second: str | None = None) -> None:
    """Note that this side has read what the other one wrote; no notice about it goes out then."""
    with transaction() as session:
        session.execute(
            update(Message)
            .where(
                Message.conversation_id == _conversation_id(participant_id, side, second),
                Message.author == OTHER_SIDE[side],
                ~Message.is_read,
            )
            .values(is_read=True, is_told=True)
            .execution_options(synchronize_session=False)
        )


def reseal(after: int, number: int) -> int | None:
    """Seal anew at most `number` messages past the id `after` that an older key has sealed.

    Returns the id of the last of them; None where there is none.
    """
    ring = keyring()
    with transaction() as session:
        rows = session.execute(
            sealed_otherwise(
                Message.id, Message.body_sealed, Message.conversation_id, after=after, number=number
            )
        ).all()
        for row in rows:
            body = _unseal(row.body_sealed, row.conversation_id)
            fresh = ring.seal(body, context=_context(row.conversation_id))
            session.execute(update(Message).where(Message.id == row.id).values(body_sealed=fresh))
    return rows[-1].id if rows else None


def unread(participant_id: int) -> Unread:
    """How many messages this participant has not read, from the giver and from the recipient."""
    as_giver = _conversation_id(participant_id, MessageAuthor.GIVER)
    as_recipient = _conversation_id(participant_id, MessageAuthor.RECIPIENT)
    from_giver = (Message.conversation_id == as_recipient) & (Message.author == MessageAuthor.GIVER)
    from_recipient = (Message.conversation_id == as_giver) & (Message.author == MessageAuthor.RECIPIENT)
    counted = select(func.count(case((from_giver, 1))), func.count(case((from_recipient, 1)))).where(
        ~Message.is_read, Message.conversation_id.in_([as_giver, as_recipient])
    )
    return Unread(*db.session.execute(counted).one(), _unread_in(seals.second_matches(participant_id)))


def _unread_in(match_ids: Collection[str]) -> dict[str, int]:
    """How many messages of the recipient wait in the conversations of these matches, where any do."""
    if not match_ids:
        return {}
    waiting = (
        select(Conversation.match_id, func.count().label("number"))
        .join(Message, Message.conversation_id == Conversation.id)
        .where(
            Conversation.match_id.in_(match_ids), Message.author == MessageAuthor.RECIPIENT, ~Message.is_read
        )
        .group_by(Conversation.match_id)
    )
    return {row.match_id: row.number for row in db.session.execute(waiting)}


def _conversation_id(participant_id: int, side: MessageAuthor, second: str | None = None) -> str | None:
    match_id: str | None = None
    if side is MessageAuthor.RECIPIENT:
        match_id = seals.match_to(participant_id)
    elif second is not None:
        match_id = _second(participant_id, second)
    elif (facts := seals.match_of_giver(participant_id)) and facts.revealed_at and not facts.is_taken_over:
        match_id = facts.match_id
    if match_id is None:
        return None
    return db.session.scalar(select(Conversation.id).where(Conversation.match_id == match_id))


def _second(participant_id: int, match_id: str) -> str:
    if match_id not in seals.second_matches(participant_id):
        raise NotFound
    return match_id


def _is_live(participant_id: int) -> bool:
    row = db.session.execute(
        select(Exchange.state, Participant.state)
        .join(Participant, Participant.exchange_id == Exchange.id)
        .where(Participant.id == participant_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    return tuple(row) == (ExchangeState.MATCHED, ParticipantState.ACTIVE)


def _about(conversation_id: str, side: MessageAuthor) -> str:
    """Nothing for the recipient, who is not to learn that somebody else gives to them by now."""
    return digest(f"giver:{conversation_id}") if side is MessageAuthor.GIVER else ""


def _unseal(sealed: bytes, conversation_id: str) -> str:
    return keyring().unseal(sealed, context=_context(conversation_id))


def _context(conversation_id: str) -> str:
    return f"message:{conversation_id}"
