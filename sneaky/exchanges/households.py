"""Households: people who live together and do not give to each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from sneaky.core.db import db, transaction
from sneaky.core.errors import words
from sneaky.core.typed import line
from sneaky.exchanges.rows import held_participant, refuse_once_drawn
from sneaky.models import Household, Participant, ParticipantState
from sneaky.models.columns import NAME_LENGTH


@dataclass(frozen=True)
class HouseholdMember:
    """Somebody who lives in a household."""

    participant_id: int
    public_id: str
    name: str


@dataclass(frozen=True)
class HouseholdRow:
    """A household and those of it who take part or may still confirm."""

    name: str
    members: Sequence[HouseholdMember]


def assign(participant_id: int, household_name: str | None) -> None:
    """Put a participant into the household of this name, made if it is new; None or blank: into none.

    An empty household goes. Raises `RuleBroken` once the names are drawn (field `household` for a bad name).
    """
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_drawn(exchange, "Households count at the draw; undo it to change them.")
        participant.household_id = find_or_make(session, exchange.id, household_name)
        session.flush()
        _drop_empty(session, exchange.id)


def assign_all(participant_ids: Iterable[int], household_name: str) -> None:
    """Put several people into one household, all of them or nobody; raises as `assign` does."""
    with transaction():
        for participant_id in participant_ids:
            assign(participant_id, household_name)


def find_or_make(session: Session, exchange_id: int, name: str | None) -> int | None:
    """The id of the household of this name (in any case) in a locked exchange; None for a blank name."""
    return find_or_make_all(session, exchange_id, [name or ""])[name or ""]


def find_or_make_all(session: Session, exchange_id: int, names: Collection[str]) -> dict[str, int | None]:
    """The ids of the households of these names, as `find_or_make` tells them, in a few statements for all."""
    called = {name: _called(name) for name in names}
    ids = _ids(session, exchange_id) if any(called.values()) else {}
    fresh: dict[str, str] = {}
    for text in called.values():
        if text and text.casefold() not in ids:
            fresh.setdefault(text.casefold(), text)
    if fresh:
        rows = [{"exchange_id": exchange_id, "name": text} for text in fresh.values()]
        session.execute(insert(Household), rows)
        ids = _ids(session, exchange_id)
    return {name: ids[text.casefold()] if text else None for name, text in called.items()}


def listed(exchange_id: int) -> list[HouseholdRow]:
    """The households of an exchange by name, each with its members by name."""
    rows = db.session.execute(
        select(Household.id, Household.name.label("household"), Participant)
        .join(Participant, Participant.household_id == Household.id)
        .where(Household.exchange_id == exchange_id, Participant.state != ParticipantState.WITHDRAWN)
        .order_by(Household.name, Participant.name, Participant.id)
    )
    members: dict[str, list[HouseholdMember]] = {}
    for row in rows:
        person = row.Participant
        members.setdefault(row.household, []).append(
            HouseholdMember(person.id, person.public_id, person.name)
        )
    return [HouseholdRow(name, people) for name, people in members.items()]


def _called(name: str) -> str:
    return line(
        name,
        field="household",
        called=words("The household's name"),
        longest=NAME_LENGTH,
        is_required=False,
    )


def _ids(session: Session, exchange_id: int) -> dict[str, int]:
    """The households of an exchange by their names, in no case."""
    rows = session.execute(select(Household.id, Household.name).where(Household.exchange_id == exchange_id))
    return {row.name.casefold(): row.id for row in rows}


def _drop_empty(session: Session, exchange_id: int) -> None:
    lives_here = exists().where(Participant.household_id == Household.id)
    session.execute(
        delete(Household)
        .where(Household.exchange_id == exchange_id, ~lives_here)
        .execution_options(synchronize_session=False)
    )
