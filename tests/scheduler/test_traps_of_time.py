"""The traps of APScheduler that lose or delay runs: each shown on the plain one, then kept out here."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from apscheduler.events import EVENT_JOB_MISSED
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_RUNNING
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from flask import Flask

from sneaky.core.clock import now
from sneaky.jobs.work import Run
from sneaky.models import ExecutionState
from sneaky.scheduler.clock import Clock
from sneaky.scheduler.store import FIRE
from tests.scheduler import plain
from tests.scheduler.conftest import DAILY, FAST, Probe, StartClock, executions, wait_until


def midnight() -> datetime:
    """The last midnight in UTC."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def add_probe(clock: Clock, number: int, at: datetime) -> Job:
    """A date job for the probe in the clock's store."""
    return clock.scheduler.add_job(
        FIRE, DateTrigger(at, UTC), args=("probe", number), id=f"probe_{number}", replace_existing=True
    )


def waits_of(scheduler: BackgroundScheduler) -> list[float | None]:
    """How long the thread of a plain scheduler decided to sleep, each time it went round."""
    waits: list[float | None] = []
    look = scheduler._process_jobs

    def look_and_tell() -> float | None:
        waits.append(look())
        return waits[-1]

    scheduler._process_jobs = look_and_tell
    return waits


# 1: a start forgets what was missed before it.


def test_plain_forgets_at_the_start_what_was_missed_before(tmp_path: Path) -> None:
    daily = CronTrigger(hour=0, timezone=UTC)
    with plain.plain_scheduler(tmp_path) as first:
        first.start(paused=True)
        first.add_job(plain.ran, daily, id="daily", next_run_time=midnight())
    with plain.plain_scheduler(tmp_path) as second:
        second.add_job(plain.ran, daily, id="daily", replace_existing=True)
        second.start(paused=True)
        assert second.get_job("daily").next_run_time > now()


def test_a_run_missed_before_the_start_is_run_at_the_start(
    any_app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    first = start_clock(any_app)
    first.scheduler.pause()
    first.scheduler.modify_job(DAILY, next_run_time=midnight())
    first.stop()

    start_clock(any_app)
    wait_until(lambda: daily.slots == [midnight()])


# 5: a job is advanced when it is handed over, so that a process killed at work loses it.


def test_plain_keeps_nothing_of_a_job_at_work(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.start()
        scheduler.add_job(plain.holds_on, "date", run_date=now(), id="once", misfire_grace_time=None)
        assert plain.BEGUN.wait(60)
        wait_until(lambda: not scheduler.get_jobs())  # a kill -9 here, and it never happened


def test_a_job_at_work_is_on_record_and_goes_on_in_another_process(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def hold(_run: Run) -> None:
        begun.set()
        let_go.wait(60)

    probe.body = hold
    clock = start_clock(any_app, pace=replace(FAST, stop_within=0.5))
    add_probe(clock, 1, now())
    assert begun.wait(60)
    [row] = executions("probe_1")
    assert (row.state, row.attempt) == (ExecutionState.RUNNING, 1)

    with pytest.MonkeyPatch.context() as killed:  # nobody renews the lease any more
        killed.setattr("sneaky.executions.claims.renew", lambda *_claim, **_lease: False)
        probe.body = lambda run: None
        second = start_clock(any_app, leads=False)
        clock.begin_stop()
        wait_until(lambda: second.is_leading)
        wait_until(lambda: executions("probe_1")[0].attempt == 2)
    wait_until(lambda: executions("probe_1")[0].state is ExecutionState.SUCCEEDED)
    let_go.set()


# 6: a job that falls due while the scheduler shuts down is advanced without being run.


def test_plain_drops_what_falls_due_while_it_stops(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        waits = waits_of(scheduler)
        scheduler.start()
        scheduler.add_job(plain.holds_on, "date", run_date=now(), misfire_grace_time=None)
        assert plain.BEGUN.wait(60)
        soon = now() + timedelta(seconds=2)
        every_year = CronTrigger(month=1, day=1, timezone=UTC)
        job = scheduler.add_job(
            plain.ran, every_year, ("dropped",), next_run_time=soon, misfire_grace_time=None
        )
        wait_until(lambda: waits and waits[-1] is not None)  # its thread sleeps until the job is due
        stopping = threading.Thread(target=scheduler.shutdown)
        stopping.start()
        wait_until(lambda: now() > soon + timedelta(seconds=0.1))
        plain.LET_GO.set()
        stopping.join(60)
        store = scheduler._jobstores["default"]
        store.start(scheduler, "default")
        assert store.lookup_job(job.id).next_run_time > soon  # as if it had been run
    assert "dropped" not in plain.RUNS


def test_what_falls_due_during_a_stop_stays_due(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def hold(_run: Run) -> None:
        begun.set()
        let_go.wait(60)

    probe.body = hold
    clock = start_clock(any_app)
    add_probe(clock, 1, now())
    assert begun.wait(60)
    soon = now() + timedelta(hours=1)
    add_probe(clock, 2, soon)
    clock.begin_stop()
    wait_until(lambda: not clock.scheduler.running)
    with time_machine.travel(soon + timedelta(seconds=1)):
        clock.scheduler.wakeup()
        let_go.set()
        assert clock.stop()

        stored = clock._store.lookup_job("probe_2")
        assert stored is not None
        assert stored.next_run_time == soon
        start_clock(any_app)
        wait_until(lambda: (2,) in probe.ids)


# 7: a scheduler that is not started, or paused, does nothing and says nothing.


def test_plain_writes_nothing_unless_started(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as web, plain.plain_scheduler(tmp_path) as clock:
        web.add_job(plain.ran, "date", run_date=now() + timedelta(hours=1))
        clock.start()
        assert clock.get_jobs() == []


def test_plain_says_that_it_runs_while_it_is_paused(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.start(paused=True)
        assert scheduler.running


def test_a_scheduler_that_stands_still_is_noticed_and_gives_way(
    any_app: Flask, start_clock: StartClock
) -> None:
    clock = start_clock(any_app, pace=replace(FAST, stuck_after=1.5))
    term = clock._leadership.term
    assert term is not None
    clock.scheduler.pause()
    wait_until(lambda: (clock._leadership.term or 0) > term)
    wait_until(lambda: clock.scheduler.state == STATE_RUNNING)


# 8: one second late is too late.


def test_plain_drops_a_job_that_is_two_seconds_late(tmp_path: Path) -> None:
    missed = threading.Event()
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.add_listener(lambda _event: missed.set(), EVENT_JOB_MISSED)
        scheduler.start()
        scheduler.add_job(plain.ran, "date", run_date=now() - timedelta(seconds=2))
        assert missed.wait(60)
        assert scheduler.get_jobs() == []
    assert plain.RUNS == []


def test_a_job_that_is_days_late_still_runs(any_app: Flask, probe: Probe, start_clock: StartClock) -> None:
    due = now() - timedelta(days=3)
    add_probe(start_clock(any_app), 1, due)
    wait_until(lambda: probe.slots == [due])


# 9: a clock that was set goes unnoticed until the next job is due.


def test_plain_does_not_notice_that_the_clock_was_set(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        waits = waits_of(scheduler)
        scheduler.start()
        due = now() + timedelta(hours=1)
        scheduler.add_job(plain.ran, "date", run_date=due, misfire_grace_time=None)
        wait_until(lambda: waits and waits[-1] is not None)
        with time_machine.travel(due + timedelta(hours=1)):
            assert not threading.Event().wait(0.5)
            assert plain.RUNS == []


@pytest.mark.parametrize("hours", [2, -2])
def test_a_clock_that_was_set_is_noticed_within_a_tick(
    any_app: Flask, probe: Probe, start_clock: StartClock, hours: int
) -> None:
    clock = start_clock(any_app)
    due = now() + timedelta(hours=hours, seconds=1)
    with time_machine.travel(now() + timedelta(hours=hours)):
        add_probe(clock, 1, due)
        wait_until(lambda: probe.slots == [due])
    wait_until(lambda: clock._store.get_next_run_time() <= now() + timedelta(minutes=1))
    assert len(executions("probe_1")) == 1
