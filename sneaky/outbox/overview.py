"""The outbox as admins look at it: how many letters are in each state, and which, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.models import Exchange, Letter, LetterKind, LetterState
from sneaky.models.letters import STILL_TO_GO, UNDELIVERED
from sneaky.models.states import TELLING

PAGE_SIZE = 30  # with more, the page would weigh over 60 KB
_IS_TELLING = Letter.kind.in_(TELLING)


@dataclass(frozen=True)
class OutboxCounts:
    """How many letters are in each state, and since when the oldest one that could go is waiting."""

    queued: int
    sending: int
    failed: int
    sent: int
    dead: int
    bounced: int
    discarded: int
    oldest_waiting_at: datetime | None

    @property
    def undelivered(self) -> int:
        """How many did not reach their reader and wait for somebody to mend that."""
        return self.dead + self.bounced


@dataclass(frozen=True)
class LetterRow:
    """One letter as the outbox page shows it; `error` holds the server's own words.

    Of a letter in `TELLING` both are empty.
    """

    id: int
    kind: LetterKind
    state: LetterState
    to_email: str
    exchange_name: str | None
    attempts: int
    created_at: datetime
    next_try_at: datetime
    settled_at: datetime | None
    error: str


@dataclass(frozen=True)
class Page:
    """One page of letters, newest first; pages count from 1."""

    letters: list[LetterRow]
    number: int
    pages: int
    total: int


def counts() -> OutboxCounts:
    """How the outbox stands."""
    by_state = dict.fromkeys(LetterState, 0)
    for state, number in db.session.execute(select(Letter.state, func.count()).group_by(Letter.state)):
        by_state[state] = number
    could_go = or_(Letter.attempts > 0, Letter.next_try_at <= now())
    oldest = select(func.min(Letter.created_at)).where(
        Letter.state.in_((*STILL_TO_GO, LetterState.SENDING)), could_go
    )
    return OutboxCounts(
        **{state.value: number for state, number in by_state.items()},
        oldest_waiting_at=db.session.scalars(oldest).one(),
    )


def page(state: LetterState | None, number: int, *, kind: LetterKind | None = None, search: str = "") -> Page:
    """One page of letters in a state and of a kind (None: in any, of any), newest first.

    `number` is moved into what exists. `search` is a part of an address, or of an exchange's name; no address
    leads to a letter in `TELLING`. Those that came back stand with those that were refused at once: what is
    to be done is the same.
    """
    chosen = _chosen(state, kind, search)
    total = db.session.scalars(
        select(func.count(Letter.id)).outerjoin(Exchange, Exchange.id == Letter.exchange_id).where(*chosen)
    ).one()
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    rows = db.session.execute(
        select(
            Letter.id,
            Letter.kind,
            Letter.state,
            case((_IS_TELLING, ""), else_=Letter.to_email).label("to_email"),
            Exchange.name.label("exchange_name"),
            Letter.attempts,
            Letter.created_at,
            Letter.next_try_at,
            Letter.settled_at,
            case((_IS_TELLING, ""), else_=Letter.error).label("error"),
        )
        .outerjoin(Exchange, Exchange.id == Letter.exchange_id)
        .where(*chosen)
        .order_by(Letter.id.desc())
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    )
    return Page([LetterRow(**row) for row in rows.mappings()], number, pages, total)


def _chosen(state: LetterState | None, kind: LetterKind | None, search: str) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if state is not None:
        chosen.append(Letter.state.in_(UNDELIVERED if state in UNDELIVERED else (state,)))
    if kind is not None:
        chosen.append(Letter.kind == kind)
    if search:
        to_address = and_(~_IS_TELLING, Letter.to_email.icontains(search, autoescape=True))
        chosen.append(or_(to_address, Exchange.name.icontains(search, autoescape=True)))
    return chosen
