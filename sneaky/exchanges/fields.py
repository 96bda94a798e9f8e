"""What an organizer types about an exchange, and the rules each field must keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import pytz

from sneaky.core.clock import now
from sneaky.core.errors import RuleBroken, words
from sneaky.core.typed import line, paragraphs
from sneaky.models.columns import NAME_LENGTH
from sneaky.reminders.planning import to_instant

PLACE_LENGTH = 200
MESSAGE_LENGTH = 5000
MOST_BUDGET = Decimal(99_999_999)
MOST_YEARS_AHEAD = 5
MOST_REMINDERS = 10
MOST_DAYS_BEFORE = 365


@dataclass(frozen=True)
class ExchangeFields:
    """The fields of an exchange as typed; times are naive wall times in `zone`."""

    name: str
    event_local: datetime
    zone: str
    place: str = ""
    message: str = ""
    budget: Decimal | None = None
    currency: str = "EUR"
    registration_ends_local: datetime | None = None
    reminder_days: Sequence[int] = field(default_factory=lambda: [7, 3, 1])
    takes_part: bool = False


def checked(fields: ExchangeFields) -> ExchangeFields:
    """The fields trimmed and in their normal form; raises `RuleBroken` naming the first wrong field.

    Whether dates lie ahead is asked by `refuse_past_date` and `refuse_past_deadline`, since an exchange may
    be edited after its deadline.
    """
    if fields.zone not in pytz.all_timezones_set:
        raise RuleBroken(
            "This time zone is unknown. Please choose one from the list, such as Europe/Berlin.", field="zone"
        )
    _refuse_zoned(fields.event_local, "event_local")
    if fields.event_local.year > now().year + MOST_YEARS_AHEAD:
        raise RuleBroken(
            "The date is too far away. Please choose one in the next %(years)d years.",
            years=MOST_YEARS_AHEAD,
            field="event_local",
        )
    ends = fields.registration_ends_local
    if ends is not None:
        _refuse_zoned(ends, "registration_ends_local")
        if ends >= fields.event_local:
            raise RuleBroken(
                "Registration has to end before the date of the exchange.", field="registration_ends_local"
            )
    return replace(
        fields,
        name=line(fields.name, field="name", called=words("The name"), longest=NAME_LENGTH),
        place=line(
            fields.place, field="place", called=words("The place"), longest=PLACE_LENGTH, is_required=False
        ),
        message=paragraphs(
            fields.message, field="message", called=words("The message"), longest=MESSAGE_LENGTH
        ),
        budget=_budget(fields.budget),
        currency=_currency(fields.currency),
        reminder_days=checked_days(fields.reminder_days),
    )


def checked_days(days: Sequence[int]) -> list[int]:
    """Reminder days, farthest first, each once; raises `RuleBroken` (field `reminder_days`)."""
    chosen = sorted(set(days), reverse=True)
    if any(not 1 <= day <= MOST_DAYS_BEFORE for day in chosen):
        raise RuleBroken(
            "Reminders go out 1 to %(days)d days before the date.",
            days=MOST_DAYS_BEFORE,
            field="reminder_days",
        )
    if len(chosen) > MOST_REMINDERS:
        raise RuleBroken("Please keep it to %(most)d reminders.", most=MOST_REMINDERS, field="reminder_days")
    return chosen


def refuse_past_date(fields: ExchangeFields) -> None:
    """Raise `RuleBroken` (field `event_local`) where the date has passed."""
    if to_instant(fields.event_local, fields.zone) <= now():
        raise RuleBroken("This date has passed. Please choose one that lies ahead.", field="event_local")


def refuse_past_deadline(fields: ExchangeFields) -> None:
    """Raise `RuleBroken` (field `registration_ends_local`) where registration would have ended already."""
    ends = fields.registration_ends_local
    if ends is not None and to_instant(ends, fields.zone) <= now():
        raise RuleBroken(
            "This deadline has passed. Choose one that lies ahead, or close registration by its button.",
            field="registration_ends_local",
        )


def _refuse_zoned(local: datetime, name: str) -> None:
    if local.tzinfo is not None:
        raise ValueError(f"{name} is a wall time and carries no zone")
    if local.year < 2000:
        raise RuleBroken("This date lies too far back. Please check the year.", field=name)


def _budget(budget: Decimal | None) -> Decimal | None:
    if budget is None:
        return None
    if not budget.is_finite() or not 0 <= budget <= MOST_BUDGET:
        raise RuleBroken("The budget has to be an amount of zero or more.", field="budget")
    if budget != round(budget, 2):
        raise RuleBroken("Please give the budget with at most two decimals.", field="budget")
    return round(budget, 2)


def _currency(currency: str) -> str:
    code = currency.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise RuleBroken("Please give the currency by its three letters, such as EUR.", field="currency")
    return code
