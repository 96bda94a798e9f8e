"""Rows of exchanges and participants, locked while a rule about them is checked and applied."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.models import Exchange, ExchangeState, Participant

OVER = words("This exchange is over. Copy it to start a new one with the same people.")
BEFORE_DRAW = frozenset(
    {ExchangeState.DRAFT, ExchangeState.REGISTRATION_OPEN, ExchangeState.REGISTRATION_CLOSED}
)


def held_exchange(session: Session, exchange_id: int) -> Exchange:
    """The exchange, locked until the transaction ends, so that its state stays true. Raises `NotFound`."""
    exchange = session.get(Exchange, exchange_id, with_for_update=True)
    if exchange is None:
        raise NotFound
    return exchange


def held_participant(session: Session, participant_id: int) -> tuple[Exchange, Participant]:
    """The participant with the exchange locked, in the order every writer keeps. Raises `NotFound`."""
    exchange_id = session.scalar(select(Participant.exchange_id).where(Participant.id == participant_id))
    exchange = held_exchange(session, exchange_id or 0)
    participant = session.get(Participant, participant_id, populate_existing=True)
    if participant is None:
        raise NotFound
    return exchange, participant


def refuse_once_over(exchange: Exchange) -> None:
    """Raise `RuleBroken` if the exchange is completed: nothing about it changes any more."""
    if exchange.state is ExchangeState.COMPLETED:
        raise RuleBroken(OVER)


def refuse_once_held(exchange: Exchange) -> None:
    """Raise `RuleBroken` (field `event_local`) if the date has passed: it is too late to draw."""
    if exchange.event_at <= now():
        raise RuleBroken("The date has passed. Choose a new one first, then draw.", field="event_local")


def refuse_once_drawn(exchange: Exchange, instead: str) -> None:
    """Raise `RuleBroken` if the names are drawn or the exchange is over; `instead` says what to do."""
    refuse_once_over(exchange)
    if exchange.state is ExchangeState.MATCHED:
        raise RuleBroken("The names are already drawn. %(instead)s", instead=instead)
