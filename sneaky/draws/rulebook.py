"""The rules of an exchange as the draw needs them, read from exclusions, households and earlier draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.draws import earlier
from sneaky.draws.matching import DrawOptions
from sneaky.models import AvoidLastYear, Exchange, Exclusion, Household, Participant, ParticipantState

Pair = tuple[int, int]


@dataclass(frozen=True)
class Person:
    """Somebody in the coming draw, as the organizer knows them."""

    id: int
    public_id: str
    name: str
    household_id: int | None


@dataclass(frozen=True)
class Rules:
    """Who takes part and which pairs are ruled out.

    `excluded` are the organizer's own pairs; `earlier` were drawn before, and nobody may be told of them.
    """

    persons: Mapping[int, Person]
    excluded: frozenset[Pair]
    earlier: frozenset[Pair]
    avoid_last_year: AvoidLastYear
    no_reciprocal: bool
    single_loop: bool
    household_names: Mapping[int, str]

    @property
    def people(self) -> list[int]:
        """The ids of those who take part."""
        return list(self.persons)

    @property
    def household_of(self) -> dict[int, int | None]:
        """The household of each participant; None for none."""
        return {person.id: person.household_id for person in self.persons.values()}

    def home_of(self, person_id: int) -> str:
        """The name of a participant's household; empty for none."""
        return self.household_names.get(self.persons[person_id].household_id or 0, "")

    @cached_property
    def declared(self) -> frozenset[Pair]:
        """What the organizer ruled out: exclusions, and everybody in one's own household."""
        members: dict[int, list[int]] = {}
        for person in self.persons.values():
            if person.household_id is not None:
                members.setdefault(person.household_id, []).append(person.id)
        housed = {
            (giver, recipient)
            for people in members.values()
            for giver in people
            for recipient in people
            if giver != recipient
        }
        return self.excluded | housed

    @property
    def forbidden(self) -> frozenset[Pair]:
        """Every pair that must not be drawn."""
        is_hard = self.avoid_last_year is AvoidLastYear.HARD
        return self.declared | self.earlier if is_hard else self.declared

    @property
    def options(self) -> DrawOptions:
        """What is asked of the draw besides."""
        is_soft = self.avoid_last_year is AvoidLastYear.SOFT
        return DrawOptions(
            no_reciprocal=self.no_reciprocal,
            single_loop=self.single_loop,
            soft_forbidden=self.earlier if is_soft else frozenset(),
        )


def forbidden_pairs(exchange_id: int) -> Rules:
    """The rules of an exchange among those who take part now. Raises `NotFound`."""
    exchange = db.session.get(Exchange, exchange_id)
    if exchange is None:
        raise NotFound
    is_active = (Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE)
    people = db.session.execute(
        select(Participant.id, Participant.public_id, Participant.name, Participant.household_id)
        .where(*is_active)
        .order_by(Participant.id)
    )
    exclusions = db.session.execute(
        select(Exclusion.giver_id, Exclusion.recipient_id).where(Exclusion.exchange_id == exchange_id)
    )
    households = db.session.execute(
        select(Household.id, Household.name).where(Household.exchange_id == exchange_id)
    )
    persons = {row.id: Person(*row) for row in people}
    avoids = exchange.avoid_last_year is not AvoidLastYear.OFF
    return Rules(
        persons=persons,
        excluded=frozenset((g, r) for g, r in exclusions if g in persons and r in persons),
        earlier=earlier.pairs(exchange, now()) if avoids else frozenset(),
        avoid_last_year=exchange.avoid_last_year,
        no_reciprocal=exchange.no_reciprocal,
        single_loop=exchange.single_loop,
        household_names={row.id: row.name for row in households},
    )
