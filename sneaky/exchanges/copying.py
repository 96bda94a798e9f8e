"""Starts the next exchange from an earlier one: same people, same rules, a year later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session, aliased

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
    """Copy by a few statements: there may be thousands, and on SQLite nobody else writes meanwhile."""
    homes = _copy_households(session, earlier_id, later_id)
    columns = [getattr(Participant, name) for name in _KEPT_OF_PEOPLE]
    people = session.execute(
        select(Participant.id, Participant.household_id, *columns).where(
            Participant.exchange_id == earlier_id, Participant.state == ParticipantState.ACTIVE
        )
    ).all()
    at, public_ids = now(), {person.id: new_public_id() for person in people}
    rows = [
        {name: getattr(person, name) for name in _KEPT_OF_PEOPLE}
        | {
            "exchange_id": later_id,
            "public_id": public_ids[person.id],
            "household_id": homes.get(person.household_id),
            "created_at": at,
        }
        for person in people
    ]
    if rows:
        session.execute(insert(Participant), rows)
    _copy_exclusions(session, earlier_id, later_id, public_ids)


def _copy_households(session: Session, earlier_id: int, later_id: int) -> dict[int | None, int]:
    """Copy the households; which new one stands for which earlier one."""
    earlier, later = aliased(Household), aliased(Household)
    names = select(literal(later_id), Household.name).where(Household.exchange_id == earlier_id)
    session.execute(insert(Household).from_select(["exchange_id", "name"], names))
    both = (earlier.exchange_id == earlier_id, later.exchange_id == later_id, later.name == earlier.name)
    rows = session.execute(select(earlier.id, later.id.label("new_id")).where(*both))
    return {row.id: row.new_id for row in rows}


def _copy_exclusions(session: Session, earlier_id: int, later_id: int, public_ids: Mapping[int, str]) -> None:
    """Copy the exclusions among those who come along; `public_ids` are their new ones."""
    copied = select(Participant.public_id, Participant.id).where(Participant.exchange_id == later_id)
    ids = {row.public_id: row.id for row in session.execute(copied)}
    rules = session.execute(
        select(Exclusion.giver_id, Exclusion.recipient_id).where(Exclusion.exchange_id == earlier_id)
    )
    rows = [
        {
            "exchange_id": later_id,
            "giver_id": ids[public_ids[rule.giver_id]],
            "recipient_id": ids[public_ids[rule.recipient_id]],
        }
        for rule in rules
        if rule.giver_id in public_ids and rule.recipient_id in public_ids
    ]
    if rows:
        session.execute(insert(Exclusion), rows)
