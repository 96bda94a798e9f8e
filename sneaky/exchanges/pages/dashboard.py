"""The dashboard: an organizer's exchanges, each with its state and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from sneaky.core.db import rows_read
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import FACT_COLUMNS, ExchangeFacts, Next, facts_of, what_is_next
from sneaky.models import Exchange, ExchangeState, Match


@dataclass(frozen=True)
class ExchangeCard:
    """One exchange on the dashboard."""

    facts: ExchangeFacts
    people: int
    unconfirmed: int
    opened: int
    unreachable: int
    next: Next


@dataclass(frozen=True)
class Dashboard:
    """All exchanges of an organizer: those to come by date, then those that are over."""

    cards: tuple[ExchangeCard, ...]


_CARDS = (
    select(
        *FACT_COLUMNS,
        counts.people(counts.IS_ACTIVE).label("people"),
        counts.people(counts.IS_PENDING).label("unconfirmed"),
        counts.matches(Match.revealed_at.is_not(None)).label("opened"),
        counts.unreachable.label("unreachable"),
        counts.next_reminder_at.label("reminder_at"),
    )
    .where(Exchange.organizer_id == bindparam("organizer_id"))
    .order_by(Exchange.state == ExchangeState.COMPLETED, Exchange.event_at, Exchange.id)
)


def dashboard(organizer_id: int) -> Dashboard:
    """The organizer's own exchanges and nobody else's; one query."""
    return Dashboard(tuple(map(_card, rows_read(_CARDS, organizer_id=organizer_id))))


def _card(row: Any) -> ExchangeCard:
    facts = facts_of(row)
    return ExchangeCard(
        facts=facts,
        people=row.people,
        unconfirmed=row.unconfirmed,
        opened=row.opened,
        unreachable=row.unreachable,
        next=what_is_next(facts, people=row.people, reminder_at=row.reminder_at),
    )
