"""The rows a letter is written from, and the link that a letter to many gets when it is first written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import Exchange, Letter, LetterKind, MagicToken, Organizer, Participant, TokenPurpose
from sneaky.models.letters import WAITING
from sneaky.outbox import links
from sneaky.outbox.message import LetterObsolete

# These lead to the sealed match; their link is minted when they are written, since many are queued at once.
WITH_MATCH_LINK = frozenset(
    {
        LetterKind.MATCH,
        LetterKind.RECIPIENT_CHANGED,
        LetterKind.SECOND_GIFT,
        LetterKind.WISH_LIST_CHANGED,
        LetterKind.NEW_MESSAGE,
        LetterKind.REMINDER,
        LetterKind.NUDGE,
        LetterKind.EXCHANGE_CHANGED,
        LetterKind.MATCHES_REVEALED,
    }
)
_LIVES_ON = timedelta(days=7)
_BATCH = 100
_EVERYTHING = (
    select(Letter, Participant, Exchange, Organizer, MagicToken)
    .outerjoin(Participant, Participant.id == Letter.participant_id)
    .outerjoin(Exchange, Exchange.id == Letter.exchange_id)
    .outerjoin(Organizer, Organizer.id == Letter.organizer_id)
    .outerjoin(MagicToken, MagicToken.id == Letter.token_id)
    .where(Letter.id == bindparam("its_id"))
)


class Source(NamedTuple):
    """A letter's row and the rows it names; None for what it does not name."""

    letter: Letter
    participant: Participant | None
    exchange: Exchange | None
    organizer: Organizer | None
    token: MagicToken | None


def read(letter_id: int) -> Source:
    """Read everything that one letter is about. Raises `LetterObsolete` where it has been erased."""
    row = db.session.execute(_EVERYTHING, {"its_id": letter_id}).one_or_none()
    if row is None:
        raise LetterObsolete("What this letter was about has been erased.")
    return Source(*row)


def with_link(source: Source) -> Source:
    """The same letter with a link that works, made and remembered if it had none; good until a week after.

    Letters of the same kind and exchange that wait behind it get theirs in the same stroke.
    """
    letter, exchange = source.letter, source.exchange
    if letter.kind not in WITH_MATCH_LINK or (source.token is not None and is_alive(source.token)):
        return source
    if exchange is None or letter.participant_id is None:
        raise LetterObsolete("It names nobody to write to.")
    mine = (letter.id, letter.participant_id, letter.to_email)
    kind, dead_link, exchange_id, until = letter.kind, letter.token_id, exchange.id, exchange.event_at
    with transaction() as session:
        links_now = select(Letter.token_id).where(Letter.id == mine[0]).with_for_update()
        if session.scalars(links_now).all() == [dead_link]:
            others = (
                select(Letter.id, Letter.participant_id, Letter.to_email)
                .where(WAITING, Letter.exchange_id == exchange_id, Letter.kind == kind)
                .where(Letter.token_id.is_(None), Letter.participant_id.is_not(None), Letter.id != mine[0])
                .order_by(Letter.id)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
            batch = [mine, *session.execute(others)]
            _give_links(session, exchange_id, max(until, now()) + _LIVES_ON, batch)
    return read(mine[0])


def _give_links(
    session: Session, exchange_id: int, until: datetime, batch: Sequence[tuple[int, int, str]]
) -> None:
    readers = [(participant_id, email) for _letter_id, participant_id, email in batch]
    token_ids = links.mint_many(TokenPurpose.MATCH, until=until, exchange_id=exchange_id, readers=readers)
    given = [
        {"id": letter_id, "token_id": token_id}
        for (letter_id, *_reader), token_id in zip(batch, token_ids, strict=True)
    ]
    session.execute(update(Letter), given)


def is_alive(token: MagicToken) -> bool:
    """Whether a link still works as far as its row tells; one to a match works as often as it is followed."""
    is_used_up = token.used_at is not None and token.purpose is not TokenPurpose.MATCH
    return not is_used_up and token.revoked_at is None and token.expires_at > now()
