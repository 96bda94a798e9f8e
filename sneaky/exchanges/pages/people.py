"""The people of an exchange, a page at a time, with what became of their letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import FACT_COLUMNS, ExchangeFacts, facts_of
from sneaky.exchanges.pages.households import household_names
from sneaky.exchanges.pages.paging import last_page
from sneaky.models import (
    Draw,
    DrawState,
    Exchange,
    Household,
    Letter,
    LetterKind,
    LetterState,
    Match,
    Participant,
    ParticipantState,
    WishListItem,
)

PEOPLE_A_PAGE = 50

# Other kinds tell by their mere existence who gives to whom: only a dead one may show, without its kind.
_KINDS_SHOWN = (LetterKind.CONFIRM_REGISTRATION, LetterKind.MATCH)


@dataclass(frozen=True)
class LetterGlance:
    """How the letter that matters now stands; `error` is the mail server's answer."""

    state: LetterState
    error: str
    next_try_at: datetime


@dataclass(frozen=True)
class PersonRow:
    """One participant as the organizer sees them; unreachable once the very last letter did not arrive."""

    public_id: str
    name: str
    email: str
    state: ParticipantState
    is_guarded: bool
    is_organizer: bool
    household: str
    wishes: int
    has_opened: bool
    letter: LetterGlance | None
    is_unreachable: bool


@dataclass(frozen=True)
class People:
    """A page of people, those in trouble first; `number` counts from 1."""

    rows: tuple[PersonRow, ...]
    number: int
    last: int
    total: int

    @property
    def unreachable(self) -> tuple[PersonRow, ...]:
        """Those on this page whose last letter did not arrive."""
        return tuple(row for row in self.rows if row.is_unreachable)


@dataclass(frozen=True)
class ParticipantsPage:
    """The page that lists, adds and searches participants."""

    facts: ExchangeFacts
    people: People
    search: str
    active: int
    unconfirmed: int
    households: tuple[str, ...]
    shows_opened: bool


@dataclass(frozen=True)
class ParticipantPage:
    """One participant, to be mended by the organizer."""

    facts: ExchangeFacts
    person: PersonRow
    households: tuple[str, ...]


def participants_page(exchange_id: int, *, search: str = "", number: int = 1) -> ParticipantsPage:
    """Page `number` of those whose name, address or household contains `search`; three queries.

    Raises `NotFound` for an unknown exchange.
    """
    query = select(
        *FACT_COLUMNS,
        counts.people(counts.IS_ACTIVE).label("active"),
        counts.people(counts.IS_PENDING).label("unconfirmed"),
        counts.matches(Match.changed_at.is_not(None)).label("changed"),
    ).where(Exchange.id == exchange_id)
    row: Any = db.session.execute(query).one_or_none()
    if row is None:
        raise NotFound
    return ParticipantsPage(
        facts=facts_of(row),
        people=list_people(exchange_id, search=search, number=number),
        search=search,
        active=row.active,
        unconfirmed=row.unconfirmed,
        households=household_names(exchange_id),
        shows_opened=not 0 < row.changed < row.active,
    )


def participant_page(exchange_id: int, participant_id: int) -> ParticipantPage:
    """One participant of this exchange; three queries. Raises `NotFound` for anybody else's."""
    query = select(*FACT_COLUMNS).where(Exchange.id == exchange_id)
    row = db.session.execute(query).one_or_none()
    person = db.session.execute(
        _rows().where(Participant.id == participant_id, Participant.exchange_id == exchange_id)
    ).one_or_none()
    if row is None or person is None:
        raise NotFound
    return ParticipantPage(facts_of(row), _person(person), household_names(exchange_id))


def list_people(
    exchange_id: int, *, search: str = "", number: int = 1, size: int = PEOPLE_A_PAGE, with_left: bool = True
) -> People:
    """Page `number` (from 1, cut to what exists) of the people found; one query, two beyond the end.

    `with_left` also lists those who withdrew, at the end.
    """
    found = [Participant.exchange_id == exchange_id, *_found(search)]
    if not with_left:
        found.append(Participant.state != ParticipantState.WITHDRAWN)
    number = max(number, 1)
    rows = _slice(found, number, size)
    if not rows and number > 1:
        total = _count(found)
        number = last_page(total, size)
        rows = _slice(found, number, size)
    total = rows[0].total if rows else 0
    return People(tuple(_person(row) for row in rows), number, last_page(total, size), total)


def _found(search: str) -> list[ColumnElement[bool]]:
    text = search.strip()
    if not text:
        return []
    columns = (Participant.name, Participant.email, Household.name)
    return [or_(*(column.icontains(text, autoescape=True) for column in columns))]


def _count(found: list[ColumnElement[bool]]) -> int:
    query = select(func.count()).select_from(Participant).outerjoin(Household).where(*found)
    return db.session.scalar(query) or 0


def _slice(found: list[ColumnElement[bool]], number: int, size: int) -> list[Any]:
    query = _rows(func.count().over().label("total")).where(*found).limit(size).offset((number - 1) * size)
    return list(db.session.execute(query))


def _rows(*more: ColumnElement[Any]) -> Select[Any]:
    """People with their household, wish count and letters; those in trouble first, those who left last."""
    latest, shown = aliased(Letter), aliased(Letter)
    is_dead = latest.state == LetterState.DEAD
    has_left = Participant.state == ParticipantState.WITHDRAWN
    wishes = select(func.count()).where(WishListItem.participant_id == Participant.id)
    has_opened = (
        select(Match.id)
        .join(Draw)
        .where(
            Match.giver_id == Participant.id,
            Draw.state == DrawState.CURRENT,
            Match.revealed_at.is_not(None),
        )
        .correlate(Participant)
        .exists()
    )
    return (
        select(
            Participant.public_id,
            Participant.name,
            Participant.email,
            Participant.state,
            Participant.is_guarded,
            Participant.organizer_id.is_not(None).label("is_organizer"),
            func.coalesce(Household.name, "").label("household"),
            wishes.correlate(Participant).scalar_subquery().label("wishes"),
            has_opened.label("has_opened"),
            latest.state.label("latest_state"),
            latest.error.label("latest_error"),
            latest.next_try_at.label("latest_try"),
            shown.state.label("shown_state"),
            shown.error.label("shown_error"),
            shown.next_try_at.label("shown_try"),
            *more,
        )
        .outerjoin(Household, Household.id == Participant.household_id)
        .outerjoin(latest, and_(latest.id == _last_letter(), is_dead))
        .outerjoin(shown, shown.id == _last_letter(Letter.kind.in_(_KINDS_SHOWN)))
        .order_by(has_left, latest.id.is_(None), func.lower(Participant.name), Participant.id)
    )


def _last_letter(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return (
        select(func.max(Letter.id))
        .where(Letter.participant_id == Participant.id, *conditions)
        .correlate(Participant)
        .scalar_subquery()
    )


def _person(row: Any) -> PersonRow:
    letter = None
    if row.latest_state is not None:
        letter = LetterGlance(row.latest_state, row.latest_error, row.latest_try)
    elif row.shown_state is not None:
        letter = LetterGlance(row.shown_state, row.shown_error, row.shown_try)
    return PersonRow(
        public_id=row.public_id,
        name=row.name,
        email=row.email,
        state=row.state,
        is_guarded=row.is_guarded,
        is_organizer=row.is_organizer,
        household=row.household,
        wishes=row.wishes,
        has_opened=row.has_opened,
        letter=letter,
        is_unreachable=row.latest_state is not None,
    )
