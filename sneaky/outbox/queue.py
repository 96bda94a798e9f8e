"""The queue: letters are put in with the fact they tell, looked at, tried again, taken out, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, String, case, cast, delete, literal, or_, select, update

from sneaky.core.clock import now
from sneaky.core.db import (
    UtcDateTime,
    insert_into,
    nudge_after_commit,
    open_session,
    rows_written,
    transaction,
)
from sneaky.models import (
    Letter,
    LetterKind,
    LetterState,
    MagicToken,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.models.letters import STILL_TO_GO, UNDELIVERED
from sneaky.models.states import NOTICES, REMINDERS
from sneaky.outbox.gate import held_reason, hold, is_mail_proven, pause_now, resume
from sneaky.outbox.overview import LetterRow, OutboxCounts, Page, counts, page

__all__ = [
    "LetterRow",
    "OutboxCounts",
    "Page",
    "call_back",
    "call_back_pointless",
    "counts",
    "discard",
    "held_reason",
    "hold",
    "is_bulk",
    "is_mail_proven",
    "page",
    "pause_now",
    "priority_of",
    "prune",
    "put",
    "put_for_participants",
    "readdress",
    "resume",
    "retry",
]

PERSONAL: Final = 0
NORMAL: Final = 1
BULK: Final = 2

# Somebody sits in front of a screen and waits for these.
_PERSONAL = frozenset(
    {
        LetterKind.CONFIRM_REGISTRATION,
        LetterKind.ALREADY_JOINED,
        LetterKind.MAGIC_LINK,
        LetterKind.PASSWORD_RESET,
        LetterKind.ORGANIZER_INVITATION,
        LetterKind.TEST,
    }
)
_BULK = frozenset(
    {
        LetterKind.MATCH,
        LetterKind.REMINDER,
        LetterKind.NUDGE,
        LetterKind.WISH_LIST_CHANGED,
        LetterKind.NEW_MESSAGE,
        LetterKind.EXCHANGE_CHANGED,
        LetterKind.EXCHANGE_CANCELLED,
        LetterKind.MATCHES_REVEALED,
    }
)
_NOT_ARRIVED = (*STILL_TO_GO, *UNDELIVERED)


def priority_of(kind: LetterKind) -> int:
    """0 for personal links, 1 for what concerns one person, 2 for what goes to many."""
    if kind in _PERSONAL:
        return PERSONAL
    return BULK if kind in _BULK else NORMAL


def is_bulk(kind: LetterKind) -> bool:
    """Whether a letter of this kind goes to many, and so carries List-Unsubscribe."""
    return kind in _BULK


def put(
    kind: LetterKind,
    to_email: str,
    *,
    organizer_id: int | None = None,
    exchange_id: int | None = None,
    participant_id: int | None = None,
    token_id: int | None = None,
    facts: dict[str, Any] | None = None,
    dedupe_key: str | None = None,
    not_before: datetime | None = None,
) -> bool:
    """Queue one letter in the open transaction; False, and no letter, where `dedupe_key` is known already.

    `facts` are small plain data: never names, addresses, tokens, or the id of another participant.
    """
    session, at = open_session(), now()
    statement = insert_into(Letter).values(
        kind=kind,
        state=LetterState.QUEUED,
        priority=priority_of(kind),
        to_email=to_email,
        dedupe_key=dedupe_key,
        organizer_id=organizer_id,
        exchange_id=exchange_id,
        participant_id=participant_id,
        token_id=token_id,
        facts=facts or {},
        attempts=0,
        next_try_at=not_before or at,
        created_at=at,
        error="",
    )
    is_new = rows_written(session, statement.on_conflict_do_nothing(index_elements=["dedupe_key"])) == 1
    if is_new:
        nudge_after_commit("letters")
    return is_new


def put_for_participants(
    kind: LetterKind,
    exchange_id: int,
    *,
    only: Sequence[ColumnElement[bool]] = (),
    dedupe_prefix: str,
    facts: dict[str, Any] | None = None,
) -> int:
    """Queue a letter to everybody who takes part, by one statement, in the open transaction.

    `only` narrows whom (conditions on `Participant`). Everybody gets one letter for one `dedupe_prefix`,
    however often this is called; the count of new letters comes back.
    """
    session, at = open_session(), literal(now(), UtcDateTime())
    columns: dict[str, ColumnElement[Any]] = {
        "kind": literal(kind, Letter.kind.type),
        "state": literal(LetterState.QUEUED, Letter.state.type),
        "priority": literal(priority_of(kind)),
        "to_email": Participant.email.expression,
        "dedupe_key": literal(f"{dedupe_prefix}:").concat(cast(Participant.id, String)),
        "exchange_id": Participant.exchange_id.expression,
        "participant_id": Participant.id.expression,
        "facts": literal(facts or {}, JSON()),
        "attempts": literal(0),
        "next_try_at": at,
        "created_at": at,
        "error": literal(""),
    }
    chosen = (
        select(*columns.values())
        .where(Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE, *only)
        .order_by(Participant.id)
    )
    statement = insert_into(Letter).from_select(list(columns), chosen, include_defaults=False)
    number = rows_written(session, statement.on_conflict_do_nothing(index_elements=["dedupe_key"]))
    if number:
        nudge_after_commit("letters")
    return number


def retry(letter_ids: Sequence[int] | None) -> int:
    """Send undelivered letters, or ones that wait for another try, at once; None: every undelivered one."""
    with transaction() as session:
        number = rows_written(
            session, update(Letter).where(_given(letter_ids, LetterState.FAILED)).values(**_anew(now()))
        )
        nudge_after_commit("letters")
        return number


def discard(letter_ids: Sequence[int] | None) -> int:
    """Take letters out that have not arrived; None means every undelivered one."""
    with transaction() as session:
        return rows_written(
            session, update(Letter).where(_given(letter_ids, *STILL_TO_GO)).values(**_taken_out(now()))
        )


def call_back(exchange_id: int, *kinds: LetterKind, states: Sequence[LetterState] = _NOT_ARRIVED) -> int:
    """Take an exchange's letters of these kinds out as far as they have not arrived; how many."""
    statement = update(Letter).where(
        Letter.exchange_id == exchange_id, Letter.kind.in_(kinds), Letter.state.in_(states)
    )
    with transaction() as session:
        return rows_written(session, statement.values(**_taken_out(now())))


def call_back_pointless(participant_id: int) -> int:
    """Take out what has not reached a participant and holds a dead link, or is not wanted any more; how many.

    A letter of the draw gets a fresh link as it leaves, and stays.
    """
    is_dead = MagicToken.used_at.is_not(None) | MagicToken.revoked_at.is_not(None)
    dead = select(MagicToken.id).where(
        MagicToken.participant_id == participant_id,
        MagicToken.purpose != TokenPurpose.MATCH,
        is_dead | (MagicToken.expires_at <= now()),
    )
    reader = select(Participant.id).where(Participant.id == participant_id)
    is_unwanted = or_(
        Letter.kind.in_(REMINDERS) & reader.where(~Participant.wants_reminders).exists(),
        Letter.kind.in_(NOTICES) & reader.where(~Participant.wants_notices).exists(),
    )
    statement = update(Letter).where(
        Letter.participant_id == participant_id,
        Letter.state.in_(_NOT_ARRIVED),
        Letter.token_id.in_(dead) | is_unwanted,
    )
    with transaction() as session:
        return rows_written(session, statement.values(**_taken_out(now())))


def readdress(participant_id: int, to_email: str) -> int:
    """Send what has not reached a participant to their new address, undelivered letters too; how many.

    A sender that has one in hand for the old address loses its lease; it would try there again if it failed.
    """
    is_underway = (Letter.state == LetterState.SENDING) & (Letter.to_email != to_email)
    statement = update(Letter).where(
        Letter.participant_id == participant_id, Letter.state.in_(_NOT_ARRIVED) | is_underway
    )
    with transaction() as session:
        number = rows_written(session, statement.values(to_email=to_email, **_anew(now())))
        nudge_after_commit("letters")
        return number


def prune(older_than: datetime, limit: int) -> int:
    """Forget letters that were settled before an instant, at most `limit` of them; how many."""
    with transaction() as session:
        oldest = select(Letter.id).where(Letter.settled_at < older_than).order_by(Letter.settled_at)
        return rows_written(session, delete(Letter).where(Letter.id.in_(oldest.limit(limit))))


def _given(letter_ids: Sequence[int] | None, *more: LetterState) -> ColumnElement[bool]:
    """The letters of these ids that are undelivered or in a state of `more`; without ids every such one."""
    if letter_ids is None:
        return Letter.state.in_(UNDELIVERED)
    return Letter.id.in_(letter_ids) & Letter.state.in_((*UNDELIVERED, *more))


def _anew(at: datetime) -> dict[str, Any]:
    """As a new letter. One that was given up gets a key of its own: Resend answers a known key by heart."""
    return {
        "state": LetterState.QUEUED,
        "attempts": 0,
        "next_try_at": at,
        "lease_id": None,
        "lease_until": None,
        "settled_at": None,
        "error": "",
        "created_at": case((Letter.state.in_(UNDELIVERED), at), else_=Letter.created_at),
    }


def _taken_out(at: datetime) -> dict[str, Any]:
    return {"state": LetterState.DISCARDED, "settled_at": at}
