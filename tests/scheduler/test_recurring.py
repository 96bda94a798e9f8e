"""Recurring jobs: registered, moved and paused by admins, missed slots made up for once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from flask import Flask
from sqlalchemy import delete, select

from sneaky import scheduler
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import overrides
from sneaky.models import Instance, JobExecution, Trigger, Trouble, TroubleKind, job_store_table
from sneaky.scheduler import recurring
from sneaky.scheduler.clock import Clock
from sneaky.scheduler.triggers import last_slot, next_slot
from tests.scheduler.conftest import DAILY, FAST, Probe, StartClock, executions, wait_until

CRON_JOBS = {
    "auto_complete_exchanges": "cron[hour='0', minute='0', second='0']",
    "purge_old_exchanges": "cron[hour='2', minute='0', second='0']",
    "cleanup_expired_tokens": "cron[hour='*', minute='0', second='0']",
    "cleanup_expired_sessions": "cron[hour='3', minute='0', second='0']",
    "cleanup_expired_rate_limits": "cron[hour='4', minute='0', second='0']",
    "prune_job_history": "cron[hour='4', minute='30', second='0']",
    "send_due_reminders": "cron[minute='*', second='0']",
    "deliver_letters": "cron[second='*/10']",
}


def existed_since(instant: datetime) -> None:
    with transaction() as session:
        session.merge(Instance(id=1, set_up_at=instant))


def stored(job_id: str = DAILY) -> datetime | None:
    db.session.remove()
    time = db.session.scalar(select(job_store_table.c.next_run_time).where(job_store_table.c.id == job_id))
    return None if time is None else datetime.fromtimestamp(time, UTC)


def today(hour: int = 0, minute: int = 0) -> datetime:
    return now().replace(hour=hour, minute=minute, second=0, microsecond=0)


def test_making_the_app_registers_the_jobs_and_starts_nothing(app: Flask) -> None:
    clock = scheduler.clock_of(app)
    assert {job.id: str(job.trigger) for job in clock.scheduler.get_jobs()} == CRON_JOBS
    assert not clock.scheduler.running
    assert not clock.is_running
    assert db.session.scalars(select(job_store_table.c.id)).all() == []


def test_a_leader_has_every_recurring_job_in_the_store(any_app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(any_app)
    assert {job.id: str(job.trigger) for job in clock.scheduler.get_jobs()} == CRON_JOBS
    assert all(job.trigger.timezone is UTC for job in clock.scheduler.get_jobs())
    assert all(job.misfire_grace_time is None for job in clock.scheduler.get_jobs())
    assert {job.id: job.max_instances for job in clock.scheduler.get_jobs()}["deliver_letters"] == 2


def test_switched_off_it_never_starts(app: Flask) -> None:
    assert not scheduler.start(app)
    assert not scheduler.clock_of(app).is_running


def test_a_slot_lost_with_the_job_store_is_made_up_for_once(
    any_app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    existed_since(now() - timedelta(days=9))
    clock = start_clock(any_app)
    wait_until(lambda: daily.slots == [today()])
    wait_until(lambda: [row.trigger for row in executions(DAILY)] == [Trigger.CATCH_UP])
    clock.stop()
    start_clock(any_app)
    ticked_twice(any_app)
    assert daily.slots == [today()]


def test_a_slot_before_the_instance_existed_is_not_made_up_for(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    start_clock(app)
    ticked_twice(app)
    existed_since(now())
    ticked_twice(app)
    assert daily.slots == []


def test_the_first_run_on_record_tells_that_the_instance_existed(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    with transaction() as session:
        session.add(a_run("cleanup_expired_tokens", now() - timedelta(days=2)))
    start_clock(app)
    wait_until(lambda: daily.slots == [today()])


def test_down_for_three_days_means_one_run_of_each_daily_job(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    existed_since(now() - timedelta(days=9))
    clock = start_clock(app)
    wait_until(lambda: len(daily.slots) == 1)
    clock.scheduler.pause()
    clock.scheduler.modify_job(DAILY, next_run_time=today() - timedelta(days=3))
    clock.stop()
    with transaction() as session:
        session.execute(delete(JobExecution).where(JobExecution.job_id == DAILY))
    daily.slots.clear()
    start_clock(app)
    ticked_twice(app)
    assert daily.slots == [today()]


def test_a_changed_timetable_runs_a_slot_that_has_no_run(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    """A deploy that moves the job from 00:00: the new slot may have passed already."""
    existed_since(now() - timedelta(days=9))
    clock = start_clock(app)
    wait_until(lambda: len(daily.slots) == 1)
    clock.scheduler.pause()
    moved = CronTrigger(hour=0, minute=0, second=30, timezone=UTC)
    clock.scheduler.modify_job(DAILY, trigger=moved, next_run_time=next_slot(moved, now()))
    clock.stop()
    start_clock(app)
    assert str(scheduler.clock_of(app).scheduler.get_job(DAILY).trigger) == CRON_JOBS[DAILY]
    ticked_twice(app)
    assert daily.slots == [today()]


def test_an_admin_moves_a_job_without_a_redeploy(any_app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(any_app)
    overrides.set_schedule(DAILY, {"hour": 5, "minute": 30})
    wait_until(lambda: stored() == next_slot(CronTrigger(hour=5, minute=30, timezone=UTC), now()))
    clock.stop()
    clock = start_clock(any_app)  # and the next leader keeps it
    assert str(clock.scheduler.get_job(DAILY).trigger) == "cron[hour='5', minute='30', second='0']"
    overrides.set_schedule(DAILY, None)
    wait_until(lambda: stored() == today() + timedelta(days=1))


def test_a_moved_job_makes_up_for_no_slot_before_the_move(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    existed_since(now() - timedelta(days=9))
    start_clock(app)
    wait_until(lambda: len(daily.slots) == 1)
    earlier = now() - timedelta(minutes=5)
    overrides.set_schedule(DAILY, {"hour": earlier.hour, "minute": earlier.minute})
    ticked_twice(app)
    assert daily.slots == [today()]


def test_a_paused_job_waits_and_goes_on_with_its_next_slot(
    any_app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    existed_since(now() - timedelta(days=9))
    overrides.set_paused(DAILY, True)
    clock = start_clock(any_app)
    assert clock.scheduler.get_job(DAILY).next_run_time is None
    clock.stop()
    start_clock(any_app)  # a restart does not let it go
    ticked_twice(any_app)
    assert stored() is None
    assert daily.slots == []
    overrides.set_paused(DAILY, False)
    wait_until(lambda: stored() == today() + timedelta(days=1))
    assert daily.slots == []


def test_a_recurring_job_removed_by_hand_is_put_back(app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(app)
    clock.scheduler.remove_job(DAILY)
    wait_until(lambda: stored() == today() + timedelta(days=1))


def test_a_job_pushed_into_the_future_by_a_wrong_clock_is_pulled_back(
    app: Flask, start_clock: StartClock
) -> None:
    clock = start_clock(app)
    clock.scheduler.modify_job(DAILY, next_run_time=now() + timedelta(days=400))
    wait_until(lambda: stored() == today() + timedelta(days=1))


def test_a_slot_that_stays_without_a_run_is_told_to_the_admins_once(
    app: Flask, daily: Probe, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recurring, "MISSING_AFTER", timedelta(seconds=0.2))
    existed_since(now() - timedelta(days=9))
    with transaction() as session:  # a run by hand in some other process keeps the job busy
        session.add(a_run(DAILY, now(), lease_id="elsewhere", lease_until=now() + timedelta(days=1)))
    clock = start_clock(app, pace=FAST)
    clock._sync._watch._patience = 1e9  # type: ignore[union-attr]
    wait_until(lambda: troubles() == [(TroubleKind.MISSING, DAILY)])
    assert daily.slots == []


def troubles() -> list[tuple[TroubleKind, str]]:
    db.session.remove()
    rows = db.session.scalars(select(Trouble).where(Trouble.closed_at.is_(None)))
    return [(row.kind, row.subject) for row in rows]


def a_run(job_id: str, started_at: datetime, **values: object) -> JobExecution:
    fields = {
        "job_id": job_id,
        "slot": started_at,
        "trigger": Trigger.CLOCK,
        "started_at": started_at,
        "instance": "another",
    }
    if "lease_id" not in values:
        fields |= {"state": "succeeded", "finished_at": started_at, "duration": 1.0}
    return JobExecution(**fields | values)


def ticked_twice(app: Flask) -> None:
    """Wait until the leader has looked around twice more."""
    clock: Clock = scheduler.clock_of(app)
    for _ in range(3):
        before = clock.scheduler.ticked_at
        clock.nudge("schedule")
        wait_until(lambda before=before: clock.scheduler.ticked_at != before)  # type: ignore[misc]


EVERY_TEN_SECONDS = CronTrigger(second="*/10", timezone=UTC)
NEW_YEAR = CronTrigger(month=1, day=1, hour=0, minute=0, second=0, timezone=UTC)


@pytest.mark.parametrize(
    ("trigger", "at", "slot"),
    [
        (EVERY_TEN_SECONDS, datetime(2026, 5, 1, 12, 0, 9, tzinfo=UTC), datetime(2026, 5, 1, 12, tzinfo=UTC)),
        (EVERY_TEN_SECONDS, datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 12, tzinfo=UTC)),
        (NEW_YEAR, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (NEW_YEAR, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_last_slot_is_the_latest_not_after(trigger: CronTrigger, at: datetime, slot: datetime) -> None:
    assert last_slot(trigger, at) == slot


def test_a_trigger_that_never_fires_has_no_last_slot() -> None:
    never = CronTrigger(year=2099, timezone=UTC)
    assert last_slot(never, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_year_of_missed_ticks_costs_no_more_than_a_minute_of_them(
    app: Flask, start_clock: StartClock
) -> None:
    clock = start_clock(app)
    clock.scheduler.pause()
    clock.scheduler.modify_job("deliver_letters", next_run_time=today() - timedelta(days=365))
    late = clock._store.lookup_job("deliver_letters")
    assert late is not None
    assert late._get_run_times(now()) == [last_slot(EVERY_TEN_SECONDS, now())]


def test_a_slot_found_by_the_store_and_by_the_search_is_one_run(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    existed_since(now() - timedelta(days=9))
    clock = start_clock(app)
    wait_until(lambda: len(executions(DAILY)) == 1)
    clock.scheduler.modify_job(DAILY, next_run_time=today())
    ticked_twice(app)
    assert daily.slots == [today()]
