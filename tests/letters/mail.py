"""Letters of every kind in the queue, with the rows they speak of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    MagicToken,
    Participant,
    TokenPurpose,
)
from sneaky.outbox import links, queue
from tests.factories import a_participant, an_exchange

PURPOSES = {
    LetterKind.CONFIRM_REGISTRATION: TokenPurpose.CONFIRM_REGISTRATION,
    LetterKind.ALREADY_JOINED: TokenPurpose.SIGN_IN,
    LetterKind.MAGIC_LINK: TokenPurpose.SIGN_IN,
    LetterKind.PASSWORD_RESET: TokenPurpose.PASSWORD_RESET,
    LetterKind.ORGANIZER_INVITATION: TokenPurpose.ORGANIZER_INVITATION,
}
FACTS: dict[LetterKind, dict[str, Any]] = {
    LetterKind.REMINDER: {"days_before": 3},
    LetterKind.EXCHANGE_CHANGED: {"changes": ["date", "place"]},
    LetterKind.NEW_MESSAGE: {"side": "giver"},
    LetterKind.PURGE_WARNING: {"purge_on": "2027-01-23"},
    LetterKind.JOB_FAILED: {
        "job_id": "purge_old_exchanges",
        "execution": "x",
        "kind": "failed",
        "error": "Oh",
    },
}
TO_ORGANIZERS = {
    LetterKind.PURGE_WARNING,
    LetterKind.UNDELIVERED,
    LetterKind.PASSWORD_RESET,
    LetterKind.ORGANIZER_INVITATION,
    LetterKind.JOB_FAILED,
    LetterKind.TEST,
}
ABOUT_AN_EXCHANGE = {LetterKind.PURGE_WARNING, LetterKind.UNDELIVERED}
TO_PARTICIPANTS = [kind for kind in LetterKind if kind not in TO_ORGANIZERS]


def a_matched_exchange(**values: Any) -> int:
    """A drawn exchange next Christmas, in Berlin."""
    return an_exchange(**{"state": ExchangeState.MATCHED} | values)


def queued(
    kind: LetterKind, participant_id: int | None = None, *, facts: dict[str, Any] | None = None
) -> int:
    """A letter of a kind, to a participant of a drawn exchange or to an organizer; returns its id."""
    participant_id = participant_id or a_participant(a_matched_exchange())
    with transaction() as session:
        participant = session.get_one(Participant, participant_id)
        exchange = session.get_one(Exchange, participant.exchange_id)
        if kind is LetterKind.PURGE_WARNING:
            exchange.state, exchange.completed_at = ExchangeState.COMPLETED, now()
            exchange.completed_reason = CompletedReason.DATE_PASSED
        if kind is LetterKind.UNDELIVERED:
            session.add(a_dead_letter(participant))
        is_personal = kind not in TO_ORGANIZERS
        queue.put(
            kind,
            participant.email if is_personal else "olga@example.org",
            organizer_id=None if is_personal else exchange.organizer_id,
            exchange_id=exchange.id if is_personal or kind in ABOUT_AN_EXCHANGE else None,
            participant_id=participant_id if is_personal else None,
            token_id=_token(kind, participant) if kind in PURPOSES else None,
            facts=facts or FACTS.get(kind),
        )
        return session.scalars(select(Letter.id).order_by(Letter.id.desc()).limit(1)).one()


def a_dead_letter(participant: Participant) -> Letter:
    """A letter to this participant that did not arrive."""
    return Letter(
        kind=LetterKind.MATCH,
        state=LetterState.DEAD,
        priority=2,
        to_email=participant.email,
        exchange_id=participant.exchange_id,
        participant_id=participant.id,
        next_try_at=now(),
        created_at=now(),
        settled_at=now(),
    )


def _token(kind: LetterKind, participant: Participant) -> int:
    browser = "browser-secret" if kind is LetterKind.MAGIC_LINK else None
    return links.mint(
        PURPOSES[kind],
        lifetime=timedelta(minutes=15),
        participant_id=participant.id,
        exchange_id=participant.exchange_id,
        email=participant.email,
        browser=browser,
    ).token_id


def token_row(letter_id: int) -> MagicToken:
    """The link in a letter, as its row is now."""
    db.session.rollback()
    return db.session.scalars(
        select(MagicToken).join(Letter, Letter.token_id == MagicToken.id).where(Letter.id == letter_id)
    ).one()


def change(table: type[Participant | Exchange | Letter | MagicToken], row_id: int, **values: Any) -> None:
    """Change a row behind the letter's back."""
    with transaction() as session:
        session.execute(update(table).where(table.id == row_id).values(**values))
