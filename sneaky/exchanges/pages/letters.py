"""The ledger of an exchange's letters: to whom, when, and what the mail server said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from sneaky.core.db import db
from sneaky.exchanges.pages.facts import ExchangeFacts, exchange_facts
from sneaky.exchanges.pages.paging import last_page, nearest_page
from sneaky.models import Letter, LetterKind, LetterState, Participant, ParticipantState
from sneaky.models.letters import UNDELIVERED

LETTERS_A_PAGE = 50
LETTERS_OF_A_PERSON = 20

# None of `TELLING` stands in the ledger; that an address fails shows on the participants page.
KINDS_SHOWN = (
    LetterKind.CONFIRM_REGISTRATION,
    LetterKind.ALREADY_JOINED,
    LetterKind.MAGIC_LINK,
    LetterKind.MATCH,
    LetterKind.REMINDER,
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

    @property
    def undelivered(self) -> int:
        """How many were refused, or came back."""
        return _number(self.counts, UNDELIVERED)


def letters_page(exchange_id: int, *, state: LetterState | None = None, number: int = 1) -> LettersPage:
    """Page `number` (from 1, cut to what exists) of the letters in `state`, or of all; three queries.

    The undeliverable come first, then the latest. Raises `NotFound` for an unknown exchange.
    """
    facts = exchange_facts(exchange_id)
    counts = _counts(exchange_id)
    states = _together(state)
    total = _number(counts, states)
    number = nearest_page(number, total, LETTERS_A_PAGE)
    return LettersPage(
        facts=facts,
        state=state,
        counts=counts,
        lines=_lines(exchange_id, states, number),
        number=number,
        last=last_page(total, LETTERS_A_PAGE),
    )


def letters_to(participant_id: int) -> tuple[LetterLine, ...]:
    """The latest letters to one participant that may be told of, newest first; one query."""
    to_them = (Letter.participant_id == participant_id, Letter.kind.in_(KINDS_SHOWN))
    query = _LINES.where(*to_them).order_by(Letter.id.desc()).limit(LETTERS_OF_A_PERSON)
    return _read(query)


def _counts(exchange_id: int) -> dict[LetterState, int]:
    query = (
        select(Letter.state, func.count())
        .where(Letter.exchange_id == exchange_id, Letter.kind.in_(KINDS_SHOWN))
        .group_by(Letter.state)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _together(state: LetterState | None) -> tuple[LetterState, ...]:
    """The states shown under one: what was refused and what came back is mended alike; None means all."""
    if state is None:
        return tuple(LetterState)
    return UNDELIVERED if state in UNDELIVERED else (state,)


def _number(counts: dict[LetterState, int], states: tuple[LetterState, ...]) -> int:
    return sum(counts.get(state, 0) for state in states)


_LINES = select(
    Letter.kind,
    Letter.state,
    func.coalesce(Participant.name, "").label("to_name"),
    Letter.to_email,
    func.coalesce(Letter.settled_at, Letter.next_try_at, type_=Letter.settled_at.type).label("at"),
    Letter.error,
    Letter.attempts,
    case((Participant.state == ParticipantState.WITHDRAWN, None), else_=Participant.public_id).label(
        "person_id"
    ),
).outerjoin(Participant, Participant.id == Letter.participant_id)


def _lines(exchange_id: int, states: tuple[LetterState, ...], number: int) -> tuple[LetterLine, ...]:
    query = (
        _LINES.where(
            Letter.exchange_id == exchange_id, Letter.kind.in_(KINDS_SHOWN), Letter.state.in_(states)
        )
        .order_by(Letter.state.in_(UNDELIVERED).desc(), Letter.id.desc())
        .limit(LETTERS_A_PAGE)
        .offset((number - 1) * LETTERS_A_PAGE)
    )
    return _read(query)


def _read(query: Select[Any]) -> tuple[LetterLine, ...]:
    rows: Any = db.session.execute(query)
    return tuple(LetterLine(*row) for row in rows)
