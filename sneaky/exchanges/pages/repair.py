"""The pages that mend a draw: who could leave, swap or stand in. Nothing here knows a match."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import ExchangeFacts, exchange_facts
from sneaky.models import Participant

PEOPLE_TO_TICK = 60


@dataclass(frozen=True)
class Choice:
    """Somebody to choose, by public id."""

    public_id: str
    name: str


@dataclass(frozen=True)
class RepairPage:
    """Who takes part, to be ticked; in a large exchange names are typed, and nobody is listed."""

    facts: ExchangeFacts
    people: tuple[Choice, ...]
    is_small: bool


def repair_page(exchange_id: int) -> RepairPage:
    """Everybody who takes part, up to 60; two queries. Raises `NotFound` for an unknown exchange."""
    query = (
        select(Participant.public_id, Participant.name)
        .where(Participant.exchange_id == exchange_id, counts.IS_ACTIVE)
        .order_by(func.lower(Participant.name), Participant.id)
        .limit(PEOPLE_TO_TICK + 1)
    )
    people = tuple(Choice(*row) for row in db.session.execute(query))
    is_small = len(people) <= PEOPLE_TO_TICK
    return RepairPage(exchange_facts(exchange_id), people if is_small else (), is_small)
