"""The rows a letter is written from, and the link that a letter to many gets when it is first written."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import Exchange, Letter, LetterKind, MagicToken, Organizer, Participant, TokenPurpose
from sneaky.outbox import links
from sneaky.outbox.message import LetterObsolete

# These lead to the sealed match; their link is minted when they are written, since many are queued at once.
WITH_MATCH_LINK = frozenset(
    {
        LetterKind.MATCH,
        LetterKind.RECIPIENT_CHANGED,
        LetterKind.WISH_LIST_CHANGED,
        LetterKind.NEW_MESSAGE,
        LetterKind.REMINDER,
        LetterKind.NUDGE,
        LetterKind.EXCHANGE_CHANGED,
        LetterKind.MATCHES_REVEALED,
    }
)
_LIVES_ON = timedelta(days=7)


class Source(NamedTuple):
    """A letter's row and the rows it names; None for what it does not name."""

    letter: Letter
    participant: Participant | None
    exchange: Exchange | None
    organizer: Organizer | None
    token: MagicToken | None


def read(letter_id: int) -> Source:
    """Read everything that one letter is about. Raises `LetterObsolete` where it has been erased."""
    row = db.session.execute(
        select(Letter, Participant, Exchange, Organizer, MagicToken)
        .outerjoin(Participant, Participant.id == Letter.participant_id)
        .outerjoin(Exchange, Exchange.id == Letter.exchange_id)
        .outerjoin(Organizer, Organizer.id == Letter.organizer_id)
        .outerjoin(MagicToken, MagicToken.id == Letter.token_id)
        .where(Letter.id == letter_id)
    ).one_or_none()
    if row is None:
        raise LetterObsolete("What this letter was about has been erased.")
    return Source(*row)


def with_link(source: Source) -> Source:
    """The same letter with a link that works, made and remembered if it had none; good until a week after."""
    letter = source.letter
    if letter.kind not in WITH_MATCH_LINK or (source.token is not None and is_alive(source.token)):
        return source
    letter_id, had = letter.id, letter.token_id
    with transaction() as session:
        row = session.get(Letter, letter_id, with_for_update=True)
        if row is not None and row.token_id == had:
            event_at = session.scalars(select(Exchange.event_at).where(Exchange.id == row.exchange_id)).one()
            minted = links.mint(
                TokenPurpose.MATCH,
                until=max(event_at, now()) + _LIVES_ON,
                participant_id=row.participant_id,
                exchange_id=row.exchange_id,
                email=row.to_email,
            )
            row.token_id = minted.token_id
    return read(letter_id)


def is_alive(token: MagicToken) -> bool:
    """Whether a link still works as far as its row tells; one to a match works as often as it is followed."""
    is_used_up = token.used_at is not None and token.purpose is not TokenPurpose.MATCH
    return not is_used_up and token.revoked_at is None and token.expires_at > now()
