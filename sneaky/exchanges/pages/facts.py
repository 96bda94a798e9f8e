"""What every page says about its exchange, and what happens to it next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute

from sneaky.core.clock import now
from sneaky.core.db import rows_read
from sneaky.core.errors import NotFound
from sneaky.exchanges.retention import ERASED_AFTER, WARNING_LEAD
from sneaky.models import CompletedReason, Exchange, ExchangeState

FEWEST_PEOPLE = 3

FACT_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    Exchange.public_id,
    Exchange.name,
    Exchange.state,
    Exchange.completed_reason,
    Exchange.completed_at,
    Exchange.kept_until,
    Exchange.event_at,
    Exchange.zone,
    Exchange.place,
    Exchange.message,
    Exchange.budget,
    Exchange.currency,
    Exchange.registration_ends_at,
)


@dataclass(frozen=True)
class ExchangeFacts:
    """One exchange as its people know it; instants are UTC, to be shown in `zone`."""

    public_id: str
    name: str
    state: ExchangeState
    completed_reason: CompletedReason | None
    completed_at: datetime | None
    kept_until: datetime | None
    event_at: datetime
    zone: str
    place: str
    message: str
    budget: Decimal | None
    currency: str
    registration_ends_at: datetime | None

    @property
    def is_before_draw(self) -> bool:
        """Whether people and rules may still change freely."""
        return not (self.is_drawn or self.is_over)

    @property
    def is_drawn(self) -> bool:
        """Whether letters are out and the day is ahead."""
        return self.state is ExchangeState.MATCHED

    @property
    def is_over(self) -> bool:
        """Whether the exchange is completed, for whatever reason."""
        return self.state is ExchangeState.COMPLETED

    @property
    def can_be_joined(self) -> bool:
        """Whether people may join now: registration is open and its deadline, if any, is ahead."""
        ends_at = self.registration_ends_at
        return self.state is ExchangeState.REGISTRATION_OPEN and (ends_at is None or ends_at > now())

    @property
    def has_taken_place(self) -> bool:
        """Whether the day has come and gone, rather than the exchange being called off."""
        return self.completed_reason is CompletedReason.DATE_PASSED

    @property
    def warned_at(self) -> datetime | None:
        """When the organizer is told that the end is near: 7 days before the erasure."""
        return self.erased_at - WARNING_LEAD if self.erased_at else None

    @cached_property
    def erased_at(self) -> datetime | None:
        """When the exchange is erased: 30 days after it is over, or when the organizer said.

        Once drawn this can be told ahead, since it is over at the midnight (UTC) after its day.
        """
        over_at = self.completed_at
        if over_at is None and self.is_drawn:
            over_at = datetime.combine(self.event_at.date() + timedelta(days=1), time(tzinfo=UTC))
        if over_at is None:
            return None
        usual = over_at + ERASED_AFTER
        return max(usual, self.kept_until) if self.kept_until else usual


class Step(StrEnum):
    """What happens next to an exchange."""

    NEW_DATE = "new_date"  # its day has passed without a draw
    OPEN = "open"  # a draft that nobody can join
    INVITE = "invite"  # too few people for a draw
    JOINING_ENDS = "joining_ends"  # the deadline for joining comes
    DRAW = "draw"  # everything waits for the organizer to draw
    REMINDER = "reminder"  # a reminder goes out
    THE_DAY = "the_day"  # presents
    ERASED = "erased"  # everything about it goes


@dataclass(frozen=True)
class Next:
    """The next step and its instant, where it has one."""

    step: Step
    at: datetime | None = None


def about_exchange(*more: Any) -> Select[Any]:
    """A query for the facts of one exchange and what else a page asks; made once, `read` tells which one."""
    here = Exchange.id == bindparam("exchange_id")
    return select(*FACT_COLUMNS, *more).select_from(Exchange).where(here)


def read(query: Select[Any], exchange_id: int) -> Any:
    """The row of an `about_exchange` query. Raises `NotFound` for an unknown exchange."""
    row = rows_read(query, exchange_id=exchange_id).one_or_none()
    if row is None:
        raise NotFound
    return row


def exchange_facts(exchange_id: int) -> ExchangeFacts:
    """The facts alone, for pages that ask one question about an exchange. Raises `NotFound`."""
    return facts_of(read(_FACTS, exchange_id))


def facts_of(row: Any) -> ExchangeFacts:
    """Read the facts from a row that starts with `FACT_COLUMNS`."""
    return ExchangeFacts(*row[: len(FACT_COLUMNS)])


def what_is_next(facts: ExchangeFacts, *, people: int, reminder_at: datetime | None) -> Next:
    """The one thing that comes next, from who takes part and the nearest planned reminder (UTC)."""
    if facts.is_over:
        return Next(Step.ERASED, facts.erased_at)
    if facts.is_drawn:
        return Next(Step.REMINDER, reminder_at) if reminder_at else Next(Step.THE_DAY, facts.event_at)
    if facts.event_at <= now():
        return Next(Step.NEW_DATE)
    if facts.state is ExchangeState.DRAFT:
        return Next(Step.OPEN)
    if people < FEWEST_PEOPLE:
        return Next(Step.INVITE)
    ends_at = facts.registration_ends_at
    if ends_at and facts.can_be_joined:
        return Next(Step.JOINING_ENDS, ends_at)
    return Next(Step.DRAW)


_FACTS = about_exchange()
