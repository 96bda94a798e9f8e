"""Time that was missed and time that was set: each reminder once if its day is ahead, daily jobs once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import pytz
import time_machine
from flask import Flask
from sqlalchemy import func, select

from sneaky import scheduler
from sneaky.core.db import db, transaction
from sneaky.models import (
    Instance,
    JobExecution,
    Letter,
    LetterKind,
    Reminder,
    ReminderState,
    Trigger,
)
from sneaky.reminders import planning, sending
from sneaky.scheduler.clock import Clock
from tests import factories
from tests.faults.processes import FAST, ONE_DRAW, assert_sound, wait_until

START = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    """A clock in this process, to be started and stopped by the test."""
    scheduler.init_app(app, FAST)
    made = scheduler.clock_of(app)
    yield made
    db.session.remove()  # an open read would keep the purge from clearing the log
    made.stop()
    made._store.engine.dispose()


def an_exchange(local: datetime, zone: str = "UTC", days: tuple[int, ...] = (1,)) -> int:
    exchange_id = factories.an_exchange(
        event_local=local, zone=zone, state="matched", reminder_days=list(days)
    )
    factories.participants(exchange_id, 2)
    planning.plan(exchange_id)
    return exchange_id


def reminders() -> dict[int, tuple[ReminderState, str]]:
    db.session.remove()
    return {row.days_before: (row.state, row.reason) for row in db.session.scalars(select(Reminder))}


def letters() -> int:
    db.session.remove()
    counted = select(func.count()).select_from(Letter).where(Letter.kind == LetterKind.REMINDER)
    return db.session.scalar(counted) or 0


def no_reminder_is_planned() -> bool:
    return all(state is not ReminderState.PLANNED for state, _reason in reminders().values())


def run(clock: Clock) -> None:
    """Start the clock and wait until it has gone round."""
    clock.scheduler.ticked_at = None
    clock.start()
    wait_until(lambda: clock.scheduler.ticked_at, "the clock goes round")


@pytest.mark.parametrize("downtime", [timedelta(minutes=30), timedelta(hours=20)], ids=str)
def test_down_over_a_due_time_the_reminder_is_sent_once_when_back(clock: Clock, downtime: timedelta) -> None:
    with time_machine.travel(START) as travel:
        an_exchange((START + timedelta(days=1, hours=1)).replace(tzinfo=None))
        run(clock)
        clock.stop()
        travel.shift(timedelta(hours=1) + downtime)
        run(clock)
        wait_until(no_reminder_is_planned, "the reminder is settled")
        assert reminders() == {1: (ReminderState.SENT, "")}
        assert_sound(but=ONE_DRAW)
    assert letters() == 2


def test_down_for_three_days_only_the_nearest_due_reminder_is_sent(clock: Clock) -> None:
    with time_machine.travel(START) as travel:
        an_exchange((START + timedelta(days=8)).replace(tzinfo=None), days=(7, 6, 5, 1))
        run(clock)
        clock.stop()
        travel.shift(timedelta(days=3, hours=1))
        run(clock)
        wait_until(lambda: reminders()[5][0] is not ReminderState.PLANNED, "the nearest is sent")
        wait_until(lambda: reminders()[7][0] is not ReminderState.PLANNED, "the older ones are settled")
        wait_until(lambda: reminders()[6][0] is not ReminderState.PLANNED, "the older ones are settled")
        assert reminders() == {
            7: (ReminderState.SKIPPED, sending.NEARER_DUE),
            6: (ReminderState.SKIPPED, sending.NEARER_DUE),
            5: (ReminderState.SENT, ""),
            1: (ReminderState.PLANNED, ""),
        }
        assert_sound(but=ONE_DRAW)
    assert letters() == 2


def test_down_past_the_day_nothing_is_sent_and_the_reason_is_kept(clock: Clock) -> None:
    with time_machine.travel(START) as travel:
        an_exchange((START + timedelta(days=2)).replace(tzinfo=None))
        run(clock)
        clock.stop()
        travel.shift(timedelta(days=3))
        run(clock)
        wait_until(no_reminder_is_planned, "the reminder is settled")
        [(state, reason)] = reminders().values()
        assert state is ReminderState.SKIPPED or (state, reason) == (
            ReminderState.CANCELLED,
            "the exchange is over",
        )
        assert reason
        assert_sound(but=ONE_DRAW)
    assert letters() == 0


def test_down_for_three_days_each_daily_job_runs_once_at_the_start(clock: Clock) -> None:
    with time_machine.travel(START) as travel:
        with transaction() as session:
            session.merge(Instance(id=1, set_up_at=START - timedelta(days=30)))
        run(clock)
        wait_until(lambda: ran_late()["purge_old_exchanges"] == 1, "today's runs are made up for")
        clock.stop()
        travel.shift(timedelta(days=3))
        run(clock)
        daily = ("auto_complete_exchanges", "purge_old_exchanges", "cleanup_expired_sessions")
        wait_until(lambda: all(ran_late()[job] == 2 for job in daily), "the daily jobs run once")
        travel.shift(timedelta(minutes=1))
        settled = clock.scheduler.ticked_at
        wait_until(lambda: clock.scheduler.ticked_at != settled, "the clock goes round")
        assert {ran_late()[job] for job in daily} == {2}
        assert_sound(but=ONE_DRAW)


def ran_late() -> dict[str, int]:
    db.session.remove()
    late = select(JobExecution.job_id).where(JobExecution.trigger == Trigger.CATCH_UP)
    counted = Counter(db.session.scalars(late))
    found = dict.fromkeys(("auto_complete_exchanges", "purge_old_exchanges", "cleanup_expired_sessions"), 0)
    db.session.remove()
    return found | counted


NIGHTS = {
    "New York, the night of 25 hours": ("America/New_York", "2026-11-02T01:30"),
    "New York, the night of 23 hours": ("America/New_York", "2027-03-15T02:30"),
    "Berlin, the night of 25 hours": ("Europe/Berlin", "2026-10-26T02:30"),
    "Berlin, the night of 23 hours": ("Europe/Berlin", "2027-03-29T02:30"),
    "Lord Howe, half an hour more": ("Australia/Lord_Howe", "2027-04-05T01:45"),
    "Lord Howe, half an hour less": ("Australia/Lord_Howe", "2026-10-05T02:15"),
}


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("jump", [2, -2, 0], ids=["set forward", "set back", "not set"])
def test_each_reminder_comes_once_though_clocks_are_set(clock: Clock, night: str, jump: int) -> None:
    zone, event_local = NIGHTS[night][0], datetime.fromisoformat(NIGHTS[night][1])
    due = planning.due_instant(event_local, zone, 1)
    with time_machine.travel(due - timedelta(minutes=90)) as travel:
        an_exchange(event_local, zone)
        run(clock)
        travel.shift(timedelta(hours=jump))
        settled = clock.scheduler.ticked_at
        wait_until(lambda: clock.scheduler.ticked_at != settled, "the clock goes round")
        travel.move_to(due + timedelta(seconds=1))
        wait_until(no_reminder_is_planned, "the reminder is settled")
        travel.shift(timedelta(hours=-2))
        travel.shift(timedelta(hours=2, minutes=5))
        settled = clock.scheduler.ticked_at
        wait_until(lambda: clock.scheduler.ticked_at != settled, "the clock goes round")
        assert reminders() == {1: (ReminderState.SENT, "")}
        assert due.astimezone(pytz.timezone(zone)).date() == event_local.date() - timedelta(days=1)
        assert_sound(but=ONE_DRAW)
    assert letters() == 2
