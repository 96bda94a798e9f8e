"""Triggers of recurring jobs, and the slot that came last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from sneaky.jobs.schedules import cron_fields
from sneaky.jobs.timetable import Timed

_LOOKS_BACK = [timedelta(minutes=1), timedelta(hours=1), *(timedelta(days=days) for days in (1, 31, 366))]


def cron(timed: Timed, override: Mapping[str, int] | None = None) -> CronTrigger:
    """The trigger of a recurring job in UTC, with an admin's changes."""
    return CronTrigger(timezone=UTC, **cron_fields(timed, override))


def next_slot(trigger: BaseTrigger, after: datetime) -> datetime | None:
    """The first run time later than `after`, an instant."""
    found: datetime | None = trigger.get_next_fire_time(None, after + timedelta(microseconds=1))
    return found


def last_slot(trigger: CronTrigger, at: datetime) -> datetime | None:
    """The latest run time that is not later than `at`.

    A cron trigger only looks ahead, so this looks ahead from ever farther back. The cost does not depend on
    how many slots have passed, as it does when every missed one is counted off.
    """
    for look_back in _LOOKS_BACK:
        slot = trigger.get_next_fire_time(None, at - look_back)
        if slot is not None and slot <= at:
            return _last_from(trigger, slot, at)
    return None


def _last_from(trigger: CronTrigger, slot: datetime, at: datetime) -> datetime:
    while (following := next_slot(trigger, slot)) is not None and following <= at:
        slot = following
    return slot
