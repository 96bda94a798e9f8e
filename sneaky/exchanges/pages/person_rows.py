"""People as rows, a page at a time, with what became of their letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import aliased

from sneaky.core.db import db, rows_read
from sneaky.core.errors import NotFound
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.paging import last_page
from sneaky.models import (
    Draw,
    Household,
    Letter,
    LetterKind,
    LetterState,
    Match,
    Participant,
    ParticipantState,
    WishListItem,
)
from sneaky.models.columns import constant
from sneaky.models.letters import UNDELIVERED

PEOPLE_A_PAGE = 50

# Other kinds tell by their mere existence who gives to whom: only a dead one may show, without its kind.
_IS_SHOWN = Letter.kind.in_([constant(kind) for kind in (LetterKind.CONFIRM_REGISTRATION, LetterKind.MATCH)])
_IS_OPENED = counts.IS_CURRENT & Match.revealed_at.is_not(None)


# A tuple, since a page makes fifty, and a frozen dataclass takes four times as long to make.
class PersonRow(NamedTuple):
    """One participant as the organizer sees them; unreachable once the very last letter did not arrive.

    Of the letter that matters now, if there is one: how it stands, and what the mail server answered.
    """

    public_id: str
    name: str
    email: str
    state: ParticipantState
    is_guarded: bool
    is_organizer: bool
    household: str
    wishes: int
    has_opened: bool
    is_unreachable: bool
    letter_state: LetterState | None
    letter_error: str | None
    next_try_at: datetime | None


@dataclass(frozen=True)
class People:
    """A page of people, those in trouble first; `number` counts from 1."""

    rows: tuple[PersonRow, ...]
    number: int
    last: int
    total: int


def list_people(exchange_id: int, *, search: str = "", number: int = 1) -> People:
    """Page `number` (from 1, cut to what exists) of the people found; one query, two beyond the end.

    Those who withdrew come at the end.
    """
    query = _ALL.where(_containing(search.strip())) if search.strip() else _ALL
    number = max(number, 1)
    rows = _slice(query, exchange_id, number)
    if not rows and number > 1:
        number = last_page(_count(query, exchange_id), PEOPLE_A_PAGE)
        rows = _slice(query, exchange_id, number)
    total = rows[0].total if rows else 0
    people = tuple(PersonRow(*person) for *person, _total in rows)
    return People(people, number, last_page(total, PEOPLE_A_PAGE), total)


def first_people(exchange_id: int, size: int) -> tuple[PersonRow, ...]:
    """The first of those who did not withdraw; one query."""
    return tuple(PersonRow(*row) for row in rows_read(_FIRST, exchange_id=exchange_id, size=size))


def _slice(query: Select[Any], exchange_id: int, number: int, size: int = PEOPLE_A_PAGE) -> list[Any]:
    return list(rows_read(query, exchange_id=exchange_id, size=size, skipped=(number - 1) * size))


def _count(query: Select[Any], exchange_id: int) -> int:
    first = _slice(query, exchange_id, 1, size=1)
    return first[0].total if first else 0


def one_person(exchange_id: int, participant_id: int) -> PersonRow:
    """One participant of this exchange; one query. Raises `NotFound` for anybody else's."""
    here = (Participant.id == participant_id, Participant.exchange_id == exchange_id)
    row = db.session.execute(_ROWS.where(*here)).one_or_none()
    if row is None:
        raise NotFound
    return PersonRow(*row)


def _containing(text: str) -> ColumnElement[bool]:
    columns = (Participant.name, Participant.email, Household.name)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _last_letter(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return (
        select(func.max(Letter.id))
        .where(Letter.participant_id == Participant.id, *conditions)
        .correlate(Participant)
        .scalar_subquery()
    )


def _rows() -> Select[Any]:
    """People with their household, wish count and letters; those in trouble first, those who left last."""
    latest, shown = aliased(Letter), aliased(Letter)
    is_undelivered = latest.state.in_([constant(state) for state in UNDELIVERED])
    wishes = select(func.count()).where(WishListItem.participant_id == Participant.id)
    opened = select(Match.id).join(Draw).where(Match.giver_id == Participant.id, _IS_OPENED)
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
            opened.correlate(Participant).exists().label("has_opened"),
            latest.id.is_not(None).label("is_unreachable"),
            func.coalesce(latest.state, shown.state).label("letter_state"),
            func.coalesce(latest.error, shown.error).label("letter_error"),
            # Asked for where it is told alone, since an instant costs more than any other value of a row.
            case((shown.state == constant(LetterState.FAILED), shown.next_try_at)).label("next_try_at"),
        )
        .select_from(Participant)
        .outerjoin(Household, Household.id == Participant.household_id)
        .outerjoin(latest, and_(latest.id == _last_letter(), is_undelivered))
        .outerjoin(shown, shown.id == _last_letter(_IS_SHOWN))
        .order_by(counts.HAS_LEFT, latest.id.is_(None), func.lower(Participant.name), Participant.id)
    )


# Made once: putting such a query together costs more than running it.
_ROWS = _rows()
_HERE = _ROWS.where(Participant.exchange_id == bindparam("exchange_id")).limit(bindparam("size"))
_ALL = _HERE.add_columns(func.count().over().label("total")).offset(bindparam("skipped"))
_FIRST = _HERE.where(~counts.HAS_LEFT)
