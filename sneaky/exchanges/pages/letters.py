"""The ledger of an exchange's letters: to whom, when, and what the mail server said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select

from sneaky.core.db import db
from sneaky.exchanges.pages.facts import ExchangeFacts, exchange_facts
from sneaky.exchanges.pages.paging import last_page, nearest_page
from sneaky.models import Letter, LetterKind, LetterState, Participant, ParticipantState

LETTERS_A_PAGE = 50

# A letter about a changed recipient, a wish list or a message tells by its addressee and instant who gives to
# whom. Those never stand in the ledger; that an address fails shows on the participants page.
KINDS_SHOWN = (
    LetterKind.CONFIRM_REGISTRATION,
    LetterKind.ALREADY_JOINED,
    LetterKind.MAGIC_LINK,
    LetterKind.MATCH,
    LetterKind.REMINDER,
    LetterKind.NUDGE,
    LetterKind.EXCHANGE_CHANGED,
    LetterKind.EXCHANGE_CANCELLED,
    LetterKind.MATCHES_REVEALED,
    LetterKind.PURGE_WARNING,
)


@dataclass(frozen=True)
class LetterLine:
    """One letter; `at` (UTC) is when it was settled, else the next try. `person_id` is a public id."""

    kind: LetterKind
    state: LetterState
    to_name: str
    to_email: str
    at: datetime
    error: str
    attempts: int
    person_id: str | None


@dataclass(frozen=True)
class LettersPage:
    """A page of the ledger, with how many letters stand in which state."""

    facts: ExchangeFacts
    state: LetterState | None
    counts: dict[LetterState, int]
    lines: tuple[LetterLine, ...]
    number: int
    last: int

    @property
    def total(self) -> int:
        """How many letters the ledger holds in all."""
        return sum(self.counts.values())


def letters_page(exchange_id: int, *, state: LetterState | None = None, number: int = 1) -> LettersPage:
    """Page `number` (from 1, cut to what exists) of the letters in `state`, or of all; three queries.

    The undeliverable come first, then the latest. Raises `NotFound` for an unknown exchange.
    """
    facts = exchange_facts(exchange_id)
    counts = _counts(exchange_id)
    total = counts.get(state, 0) if state else sum(counts.values())
    number = nearest_page(number, total, LETTERS_A_PAGE)
    return LettersPage(
        facts=facts,
        state=state,
        counts=counts,
        lines=_lines(exchange_id, state, number),
        number=number,
        last=last_page(total, LETTERS_A_PAGE),
    )


def _counts(exchange_id: int) -> dict[LetterState, int]:
    query = (
        select(Letter.state, func.count())
        .where(Letter.exchange_id == exchange_id, Letter.kind.in_(KINDS_SHOWN))
        .group_by(Letter.state)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _lines(exchange_id: int, state: LetterState | None, number: int) -> tuple[LetterLine, ...]:
    has_left = Participant.state == ParticipantState.WITHDRAWN
    query = (
        select(
            Letter.kind,
            Letter.state,
            func.coalesce(Participant.name, "").label("to_name"),
            Letter.to_email,
            func.coalesce(Letter.settled_at, Letter.next_try_at, type_=Letter.settled_at.type).label("at"),
            Letter.error,
            Letter.attempts,
            case((has_left, None), else_=Participant.public_id).label("person_id"),
        )
        .outerjoin(Participant, Participant.id == Letter.participant_id)
        .where(Letter.exchange_id == exchange_id, Letter.kind.in_(KINDS_SHOWN))
        .order_by((Letter.state == LetterState.DEAD).desc(), Letter.id.desc())
        .limit(LETTERS_A_PAGE)
        .offset((number - 1) * LETTERS_A_PAGE)
    )
    if state:
        query = query.where(Letter.state == state)
    rows: Any = db.session.execute(query)
    return tuple(LetterLine(*row) for row in rows)
