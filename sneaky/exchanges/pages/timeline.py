"""What happens when: the way of an exchange from joining to erasure, with what each reminder did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import bindparam, select

from sneaky.core.db import rows_read
from sneaky.exchanges.pages.facts import ExchangeFacts, about_exchange, facts_of, read
from sneaky.models import Exchange, Reminder, ReminderState
from sneaky.reminders.planning import due_instant


class Happening(StrEnum):
    """What a line of the timeline is about."""

    JOINING_ENDS = "joining_ends"  # the deadline for joining
    DRAWN = "drawn"  # the draw, once it was made
    REMINDER = "reminder"  # a letter to everybody
    THE_DAY = "the_day"  # presents
    OVER = "over"  # cancelled or never drawn
    ERASED = "erased"  # everything about it goes


class Standing(StrEnum):
    """How a line of the timeline stands; the words that the timeline piece knows."""

    DONE = "done"  # it happened
    NEXT = "next"  # the nearest thing to come
    PLANNED = "planned"  # later
    SKIPPED = "skipped"  # did not happen, with a reason


class TimelineEntry(NamedTuple):
    """One line: what, when (UTC, to be shown in the exchange's zone) and how it stands."""

    what: Happening
    at: datetime
    standing: Standing
    days_before: int = 0
    letters: int = 0
    reason: str = ""


class ReminderRow(NamedTuple):
    """One reminder with its instant (UTC) and what it did; before the draw only a forecast."""

    days_before: int
    due_at: datetime
    state: ReminderState
    reason: str
    letters: int
    done_at: datetime | None


@dataclass(frozen=True)
class RemindersPage:
    """The reminders of an exchange, and the days they are set to."""

    facts: ExchangeFacts
    is_on: bool
    days: tuple[int, ...]
    rows: tuple[ReminderRow, ...]


_REMINDERS = about_exchange(Exchange.has_reminders, Exchange.reminder_days, Exchange.event_local)
_ROWS = (
    select(
        Reminder.days_before,
        Reminder.due_at,
        Reminder.state,
        Reminder.reason,
        Reminder.queued_count,
        Reminder.done_at,
    )
    .where(Reminder.exchange_id == bindparam("exchange_id"))
    .order_by(Reminder.due_at, Reminder.id)
)


def reminders_page(exchange_id: int) -> RemindersPage:
    """Every reminder, planned, sent or skipped; two queries. Raises `NotFound` for an unknown exchange."""
    row = read(_REMINDERS, exchange_id)
    facts = facts_of(row)
    rows = reminder_rows(exchange_id)
    if facts.is_before_draw:
        rows = forecast(row.event_local, facts.zone, row.reminder_days if row.has_reminders else ())
    return RemindersPage(facts, row.has_reminders, tuple(row.reminder_days), rows)


def reminder_rows(exchange_id: int) -> tuple[ReminderRow, ...]:
    """The reminders that the draw planned, earliest first; one query."""
    found = rows_read(_ROWS, exchange_id=exchange_id)
    return tuple(ReminderRow(*row) for row in found)


def forecast(event_local: datetime, zone: str, days: Sequence[int]) -> tuple[ReminderRow, ...]:
    """What a draw would plan: `event_local` is wall time in `zone`, `days` the days before it."""
    return tuple(
        ReminderRow(day, due_instant(event_local, zone, day), ReminderState.PLANNED, "", 0, None)
        for day in sorted(set(days), reverse=True)
    )


def timeline(
    facts: ExchangeFacts, reminders: Sequence[ReminderRow], *, drawn_at: datetime | None, letters: int
) -> tuple[TimelineEntry, ...]:
    """The lines of an exchange in order of time; `letters` is how many the draw sent."""
    entries = [
        *_joining(facts),
        *([TimelineEntry(Happening.DRAWN, drawn_at, Standing.DONE, letters=letters)] if drawn_at else []),
        *(_reminder(row) for row in reminders if row.state is not ReminderState.CANCELLED),
        *_end(facts),
    ]
    entries.sort(key=lambda entry: entry.at)
    return _with_next(entries)


def _joining(facts: ExchangeFacts) -> list[TimelineEntry]:
    ends_at = facts.registration_ends_at
    if ends_at is None or facts.is_over:
        return []
    standing = Standing.PLANNED if facts.can_be_joined else Standing.DONE
    return [TimelineEntry(Happening.JOINING_ENDS, ends_at, standing)]


def _reminder(row: ReminderRow) -> TimelineEntry:
    standing = {
        ReminderState.SENT: Standing.DONE,
        ReminderState.SKIPPED: Standing.SKIPPED,
    }.get(row.state, Standing.PLANNED)
    return TimelineEntry(
        Happening.REMINDER, row.due_at, standing, row.days_before, letters=row.letters, reason=row.reason
    )


def _end(facts: ExchangeFacts) -> list[TimelineEntry]:
    erased = [TimelineEntry(Happening.ERASED, facts.erased_at, Standing.PLANNED)] if facts.erased_at else []
    if facts.completed_at is None:
        return [TimelineEntry(Happening.THE_DAY, facts.event_at, Standing.PLANNED), *erased]
    if facts.has_taken_place:
        return [TimelineEntry(Happening.THE_DAY, facts.event_at, Standing.DONE), *erased]
    return [TimelineEntry(Happening.OVER, facts.completed_at, Standing.DONE), *erased]


def _with_next(entries: Sequence[TimelineEntry]) -> tuple[TimelineEntry, ...]:
    """Mark the first planned line as the next one."""
    marked = list(entries)
    for place, entry in enumerate(marked):
        if entry.standing is Standing.PLANNED:
            marked[place] = entry._replace(standing=Standing.NEXT)
            break
    return tuple(marked)
