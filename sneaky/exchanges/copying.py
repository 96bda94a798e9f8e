"""Starts the next exchange from an earlier one: same people, same rules, a year later."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.errors import NotFound
from sneaky.core.tokens import new_public_id
from sneaky.models import (
    AvoidLastYear,
    Exchange,
    ExchangeState,
    Exclusion,
    Household,
    Participant,
    ParticipantState,
)
from sneaky.reminders.planning import to_instant

_KEPT = (
    "organizer_id",
    "name",
    "place",
    "message",
    "budget",
    "currency",
    "zone",
    "reminder_days",
    "has_reminders",
    "no_reciprocal",
    "single_loop",
)
_KEPT_OF_PEOPLE = (
    "organizer_id",
    "name",
    "email",
    "is_guarded",
    "state",
    "locale",
    "zone",
    "wants_reminders",
    "wants_notices",
    "complained_at",
    "confirmed_at",
)


def copy(exchange_id: int) -> int:
    """Make a draft with the same people and rules, on the same day of the next year that lies ahead.

    Earlier matches are avoided as far as possible, or as strictly as the earlier exchange said. Wish lists
    and postal addresses stay behind. Returns the new id; raises `NotFound`.
    """
    with transaction() as session:
        earlier = session.get(Exchange, exchange_id)
        if earlier is None:
            raise NotFound
        later = _draft_after(earlier)
        session.add(later)
        session.flush()
        _copy_people(session, earlier.id, later.id)
        audit.note("exchange.copied", organizer_id=later.organizer_id, exchange_id=later.id)
        return later.id


def _draft_after(earlier: Exchange) -> Exchange:
    event_local = _next_year(earlier.event_local)
    while (event_at := to_instant(event_local, earlier.zone)) <= now():
        event_local = _next_year(event_local)
    is_off = earlier.avoid_last_year is AvoidLastYear.OFF
    return Exchange(
        **{name: getattr(earlier, name) for name in _KEPT},
        public_id=new_public_id(),
        copied_from_id=earlier.id,
        event_local=event_local,
        event_at=event_at,
        avoid_last_year=AvoidLastYear.SOFT if is_off else earlier.avoid_last_year,
        state=ExchangeState.DRAFT,
        created_at=now(),
    )


def _next_year(local: datetime) -> datetime:
    """The same day a year later; 29 February becomes the 28th."""
    try:
        return local.replace(year=local.year + 1)
    except ValueError:
        return local.replace(year=local.year + 1, day=28)


def _copy_people(session: Session, earlier_id: int, later_id: int) -> None:
    households = {
        household.id: Household(exchange_id=later_id, name=household.name)
        for household in session.scalars(select(Household).where(Household.exchange_id == earlier_id))
    }
    people = {
        person.id: Participant(
            **{name: getattr(person, name) for name in _KEPT_OF_PEOPLE},
            exchange_id=later_id,
            household=households.get(person.household_id or 0),
            created_at=now(),
        )
        for person in session.scalars(
            select(Participant).where(
                Participant.exchange_id == earlier_id, Participant.state == ParticipantState.ACTIVE
            )
        )
    }
    session.add_all([*households.values(), *people.values()])
    session.flush()
    rules = session.execute(
        select(Exclusion.giver_id, Exclusion.recipient_id).where(Exclusion.exchange_id == earlier_id)
    )
    session.add_all(
        Exclusion(exchange_id=later_id, giver_id=people[giver].id, recipient_id=people[recipient].id)
        for giver, recipient in rules
        if giver in people and recipient in people
    )
