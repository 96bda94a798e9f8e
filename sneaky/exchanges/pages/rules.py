"""The rules page: who may not give to whom, who lives together, and the options of the draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from sneaky.core.db import db
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import ExchangeFacts, about_exchange, facts_of, read
from sneaky.exchanges.pages.households import household_names
from sneaky.exchanges.pages.paging import last_page, nearest_page
from sneaky.models import AvoidLastYear, Exchange, Exclusion, Household, Participant

MATRIX_PEOPLE = 12
PEOPLE_A_PAGE = 30


@dataclass(frozen=True)
class ExcludedRecipient:
    """Somebody this person may not give to; `is_mutual` when the same holds the other way round."""

    public_id: str
    name: str
    is_mutual: bool


@dataclass(frozen=True)
class PersonRules:
    """One participant with their household ("" for none) and exclusions as a giver."""

    public_id: str
    name: str
    household: str
    excluded: tuple[ExcludedRecipient, ...]

    @property
    def excluded_ids(self) -> frozenset[str]:
        """The public ids of those this person may not give to."""
        return frozenset(recipient.public_id for recipient in self.excluded)


@dataclass(frozen=True)
class HouseholdRules:
    """A household and those of its members who are on this page."""

    name: str
    members: tuple[PersonRules, ...]


@dataclass(frozen=True)
class RulesPage:
    """The rules of an exchange: all people when they are few, else a page of those found by `search`."""

    facts: ExchangeFacts
    people: tuple[PersonRules, ...]
    households: tuple[str, ...]
    is_small: bool
    no_reciprocal: bool
    single_loop: bool
    avoid_last_year: AvoidLastYear
    search: str
    number: int
    last: int

    @property
    def together(self) -> tuple[HouseholdRules, ...]:
        """The households with their members on this page."""
        members = defaultdict(list)
        for person in self.people:
            members[person.household].append(person)
        return tuple(HouseholdRules(name, tuple(members[name])) for name in self.households if members[name])


_PAGE = about_exchange(
    Exchange.no_reciprocal,
    Exchange.single_loop,
    Exchange.avoid_last_year,
    counts.people(Participant.state.in_(counts.IN_THE_HAT)).label("people"),
)


def rules_page(exchange_id: int, *, search: str = "", number: int = 1) -> RulesPage:
    """The rules: everybody up to 12 people, else page `number` of those found; three to five queries.

    Raises `NotFound` for an unknown exchange.
    """
    row = read(_PAGE, exchange_id)
    is_small = row.people <= MATRIX_PEOPLE
    search = "" if is_small else search.strip()
    conditions = _conditions(exchange_id, search)
    total = _count(conditions) if search else row.people
    number = nearest_page(number, total, PEOPLE_A_PAGE)
    people = _people(conditions, number)
    return RulesPage(
        facts=facts_of(row),
        people=people,
        households=_named(people) if is_small else household_names(exchange_id),
        is_small=is_small,
        no_reciprocal=row.no_reciprocal,
        single_loop=row.single_loop,
        avoid_last_year=row.avoid_last_year,
        search=search,
        number=number,
        last=last_page(total, PEOPLE_A_PAGE),
    )


def _named(people: Sequence[PersonRules]) -> tuple[str, ...]:
    return tuple(sorted({person.household for person in people if person.household}, key=str.casefold))


def _conditions(exchange_id: int, search: str) -> list[ColumnElement[bool]]:
    in_the_hat = [Participant.exchange_id == exchange_id, Participant.state.in_(counts.IN_THE_HAT)]
    if not search:
        return in_the_hat
    names = (Participant.name, Household.name)
    return [*in_the_hat, or_(*(name.icontains(search, autoescape=True) for name in names))]


def _count(conditions: Sequence[ColumnElement[bool]]) -> int:
    query = select(func.count()).select_from(Participant).outerjoin(Household).where(*conditions)
    return db.session.scalar(query) or 0


def _people(conditions: Sequence[ColumnElement[bool]], number: int) -> tuple[PersonRules, ...]:
    rows = db.session.execute(
        select(Participant.id, Participant.public_id, Participant.name, func.coalesce(Household.name, ""))
        .outerjoin(Household, Household.id == Participant.household_id)
        .where(*conditions)
        .order_by(func.lower(Participant.name), Participant.id)
        .limit(PEOPLE_A_PAGE)
        .offset((number - 1) * PEOPLE_A_PAGE)
    ).all()
    excluded = _excluded([row[0] for row in rows])
    return tuple(PersonRules(row[1], row[2], row[3], tuple(excluded[row[0]])) for row in rows)


def _excluded(giver_ids: Sequence[int]) -> dict[int, list[ExcludedRecipient]]:
    back = aliased(Exclusion)
    is_mutual = (
        select(back.id)
        .where(back.giver_id == Exclusion.recipient_id, back.recipient_id == Exclusion.giver_id)
        .exists()
    )
    query = (
        select(Exclusion.giver_id, Participant.public_id, Participant.name, is_mutual)
        .join(Participant, Participant.id == Exclusion.recipient_id)
        .where(Exclusion.giver_id.in_(giver_ids), Participant.state.in_(counts.IN_THE_HAT))
        .order_by(func.lower(Participant.name), Participant.id)
    )
    by_giver: dict[int, list[ExcludedRecipient]] = defaultdict(list)
    for giver_id, public_id, name, is_back in db.session.execute(query):
        by_giver[giver_id].append(ExcludedRecipient(public_id, name, is_back))
    return by_giver
