"""Turns dates into reminder rows, and keeps both in agreement when the date moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytz
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import db, nudge_after_commit, transaction
from sneaky.core.errors import NotFound, words
from sneaky.models import Exchange, ExchangeState, Reminder, ReminderState

PAST_AT_DRAW = words("its time had already passed when the names were drawn")
PAST_AT_CHANGE = words("its time had already passed when the date was changed")
_WIDEST_OFFSET = 26 * 3600  # seconds; no zone has ever been farther from UTC, even where it skipped a day
DATE_CHANGED = words("the date or the reminder days were changed")


@lru_cache(maxsize=4096)
def to_instant(local: datetime, zone: str) -> datetime:
    """The UTC instant of a naive wall time in an IANA zone.

    A wall time that a clock change leaves out moves to the first valid instant after the gap; one that occurs
    twice means its first occurrence. Raises ValueError for an unknown zone.
    """
    try:
        place = pytz.timezone(zone)
    except pytz.UnknownTimeZoneError:
        raise ValueError(f"unknown zone {zone}") from None
    try:
        return place.localize(local, is_dst=None).astimezone(UTC)
    except pytz.AmbiguousTimeError:
        return min(place.localize(local, is_dst=summer).astimezone(UTC) for summer in (True, False))
    except pytz.NonExistentTimeError:
        return _end_of_gap(local, place)


def due_instant(event_local: datetime, zone: str, days_before: int) -> datetime:
    """When a reminder is due, in UTC: so many calendar days before, at the same wall time.

    The days are taken off the naive wall time; taking them off an instant is an hour wrong across a change of
    clocks.
    """
    return to_instant(event_local - timedelta(days=days_before), zone)


def plan(exchange_id: int) -> None:
    """Write the reminder rows of a freshly drawn exchange; one whose time has passed is skipped."""
    _agree(exchange_id, PAST_AT_DRAW)


def replan(exchange_id: int) -> None:
    """Make the rows agree with a changed date, zone or list of days; before a draw there are none."""
    _agree(exchange_id, PAST_AT_CHANGE)


def cancel(exchange_id: int, reason: str) -> None:
    """Cancel every reminder of the exchange that has not been sent or skipped yet."""
    _cancel(reason, Reminder.exchange_id == exchange_id)


def cancel_overtaken(at: datetime) -> None:
    """Cancel what is still planned of exchanges that were completed because their date passed.

    Their reminders were all due before `at`, and of those hardly any is left, so this looks at few rows
    however many exchanges there are.
    """
    over = select(Exchange.id).where(
        Exchange.id == Reminder.exchange_id, Exchange.state == ExchangeState.COMPLETED
    )
    _cancel(words("the exchange is over"), Reminder.due_at <= at, over.exists())


def exchanges_off(farthest: timedelta) -> set[int]:
    """Ids of exchanges with a planned reminder that is up to so far from where its wall time is by now."""
    planned = (
        select(Exchange.id, Exchange.event_local, Exchange.zone, Reminder.days_before, Reminder.due_at)
        .join(Reminder, Reminder.exchange_id == Exchange.id)
        .where(Reminder.state == ReminderState.PLANNED)
    )
    return {
        row.id
        for row in db.session.execute(planned)
        if is_off(row.event_local - timedelta(days=row.days_before), row.zone, row.due_at, farthest)
    }


def is_off(local: datetime, zone: str, instant: datetime, farthest: timedelta) -> bool:
    """Whether a wall time is elsewhere by now, up to so far; never in a zone that this release lacks."""
    try:
        return timedelta() < abs(to_instant(local, zone) - instant) <= farthest
    except ValueError:
        return False


def move(exchange_id: int) -> None:
    """Move planned reminders to where their wall times are by now; one that is late by this is still sent."""
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        rows = session.scalars(select(Reminder).where(Reminder.exchange_id == exchange_id)).all()
        taken = {(row.days_before, row.due_at) for row in rows}
        for row in rows:
            due_at = due_instant(exchange.event_local, exchange.zone, row.days_before)
            if row.state is ReminderState.PLANNED and (row.days_before, due_at) not in taken:
                row.due_at = due_at
        nudge_after_commit("schedule")


def due(now: datetime, limit: int) -> list[int]:
    """Ids of planned reminders whose instant has come, earliest first, at most `limit`."""
    return list(
        db.session.scalars(
            select(Reminder.id)
            .where(Reminder.state == ReminderState.PLANNED, Reminder.due_at <= now)
            .order_by(Reminder.due_at, Reminder.id)
            .limit(limit)
        )
    )


def _end_of_gap(local: datetime, place: pytz.tzinfo.BaseTzInfo) -> datetime:
    """The first second at which the clocks of `place` show more than `local`, which they never show."""
    early, late = -_WIDEST_OFFSET, _WIDEST_OFFSET
    start = local.replace(tzinfo=UTC, microsecond=0)
    while late - early > 1:
        middle = (early + late) // 2
        shown = (start + timedelta(seconds=middle)).astimezone(place).replace(tzinfo=None)
        early, late = (early, middle) if shown > local else (middle, late)
    return start + timedelta(seconds=late)


def _cancel(reason: str, *which: ColumnElement[bool]) -> None:
    with transaction() as session:
        session.execute(
            update(Reminder)
            .where(Reminder.state == ReminderState.PLANNED, *which)
            .values(state=ReminderState.CANCELLED, reason=reason, done_at=now())
            .execution_options(synchronize_session=False)
        )
        nudge_after_commit("schedule")


def _agree(exchange_id: int, past_reason: str) -> None:
    with transaction() as session:
        exchange = session.get(Exchange, exchange_id)
        if exchange is None:
            raise NotFound
        if exchange.state is not ExchangeState.MATCHED:
            return
        wanted = _wanted(exchange)
        existing = {
            (row.days_before, row.due_at): row
            for row in session.scalars(select(Reminder).where(Reminder.exchange_id == exchange_id))
        }
        for key, row in existing.items():
            _adjust(row, is_wanted=key in wanted, past_reason=past_reason)
        _add(session, exchange_id, wanted - existing.keys(), past_reason)
        nudge_after_commit("schedule")


def _wanted(exchange: Exchange) -> set[tuple[int, datetime]]:
    if not exchange.has_reminders:
        return set()
    return {(days, due_instant(exchange.event_local, exchange.zone, days)) for days in exchange.reminder_days}


def _adjust(row: Reminder, *, is_wanted: bool, past_reason: str) -> None:
    """Cancel a planned row that is not wanted any more; plan a cancelled one anew that is wanted again."""
    if row.state is ReminderState.PLANNED and not is_wanted:
        row.state, row.reason, row.done_at = ReminderState.CANCELLED, DATE_CHANGED, now()
    elif row.state is ReminderState.CANCELLED and is_wanted:
        row.state, row.reason, row.done_at = _first_state(row.due_at, past_reason)


def _add(session: Session, exchange_id: int, keys: set[tuple[int, datetime]], past_reason: str) -> None:
    for days, due_at in sorted(keys):
        state, reason, done_at = _first_state(due_at, past_reason)
        session.add(
            Reminder(
                exchange_id=exchange_id,
                days_before=days,
                due_at=due_at,
                state=state,
                reason=reason,
                done_at=done_at,
            )
        )


def _first_state(due_at: datetime, past_reason: str) -> tuple[ReminderState, str, datetime | None]:
    if due_at <= now():
        return ReminderState.SKIPPED, past_reason, now()
    return ReminderState.PLANNED, "", None
