"""The leader's look around: requests, runs whose process is gone, slow runs, parts that fail."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound
from sneaky.executions import claims, overrides, requests
from sneaky.jobs import retrying
from sneaky.jobs.running import Order
from sneaky.jobs.work import WORKS, Run
from sneaky.models import (
    ExecutionState,
    JobExecution,
    RequestState,
    RunRequest,
    Trigger,
    Trouble,
    TroubleKind,
)
from sneaky.scheduler import stale
from tests.scheduler.conftest import DAILY, FAST, Probe, StartClock, executions, wait_until


def state_of(public_id: str) -> RequestState:
    db.session.remove()
    return requests.find(public_id).state


def test_a_request_becomes_a_run_under_the_same_id(
    any_app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    start_clock(any_app)
    public_id = requests.ask(DAILY)
    wait_until(lambda: [row.state for row in executions(DAILY)] == [ExecutionState.SUCCEEDED])
    [row] = executions(DAILY)
    assert (row.public_id, row.trigger) == (public_id, Trigger.MANUAL)
    assert state_of(public_id) is RequestState.TAKEN
    taken = db.session.scalar(select(RunRequest.execution_id).where(RunRequest.public_id == public_id))
    assert taken == row.id


def test_a_request_of_a_date_job_runs_with_its_ids(app: Flask, probe: Probe, start_clock: StartClock) -> None:
    start_clock(app)
    requests.ask("probe_42")
    wait_until(lambda: probe.ids == [(42,)])


def test_a_request_for_an_unknown_job_is_refused_with_the_reason(app: Flask, start_clock: StartClock) -> None:
    start_clock(app)
    public_id = requests.ask("make_coffee")
    wait_until(lambda: state_of(public_id) is RequestState.REFUSED)
    assert requests.find(public_id).reason == "There is no job called make_coffee."


def test_a_request_for_a_job_that_runs_already_is_refused(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def hold(_run: Run) -> None:
        begun.set()
        let_go.wait(60)

    daily.body = hold
    start_clock(app)
    requests.ask(DAILY)
    assert begun.wait(60)
    public_id = requests.ask(DAILY)
    wait_until(lambda: state_of(public_id) is RequestState.REFUSED)
    assert requests.find(public_id).reason == "it was running already"
    let_go.set()


def test_a_request_waits_for_a_leader(app: Flask, daily: Probe, start_clock: StartClock) -> None:
    public_id = requests.ask(DAILY)
    assert state_of(public_id) is RequestState.WAITING
    start_clock(app)
    wait_until(lambda: state_of(public_id) is RequestState.TAKEN)


def test_a_run_that_another_process_makes_by_hand_refuses_the_request(
    app: Flask, daily: Probe, start_clock: StartClock
) -> None:
    claims.claim(DAILY, now(), trigger=Trigger.SHELL, instance="shell", lease=timedelta(days=1))
    start_clock(app, pace=replace(FAST, lease=60))
    public_id = requests.ask(DAILY)
    wait_until(lambda: state_of(public_id) is RequestState.REFUSED)
    assert requests.find(public_id).reason == "it is running right now"


def test_a_request_outlives_a_database_that_was_away_for_long(
    app: Flask, daily: Probe, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, claim = threading.Event(), claims.claim

    def claim_later(job_id: str, *args: Any, **named: Any) -> claims.Claim | claims.Refusal:
        if job_id == DAILY and not gone.is_set():
            gone.set()
            raise OperationalError("INSERT", {}, Exception("the server is away"))
        return claim(job_id, *args, **named)

    monkeypatch.setattr(retrying, "TRIES", 1)
    monkeypatch.setattr(claims, "claim", claim_later)
    start_clock(app)
    public_id = requests.ask(DAILY)
    wait_until(lambda: state_of(public_id) is RequestState.TAKEN)
    assert gone.is_set()
    assert [row.public_id for row in executions(DAILY)] == [public_id]


def test_a_nudge_about_letters_delivers_at_once(
    app: Flask, daily: Probe, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = threading.Event()
    work = WORKS["deliver_letters"]
    monkeypatch.setitem(WORKS, "deliver_letters", replace(work, body=lambda _run: delivered.set()))
    clock = start_clock(app, pace=replace(FAST, sync=3600))  # nobody moves the job back to its own time
    clock.scheduler.modify_job("deliver_letters", next_run_time=now() + timedelta(hours=1))
    wait_until(lambda: clock.scheduler.backlog() == 0)
    delivered.clear()
    app.extensions["sneaky.nudge"]("letters")
    assert delivered.wait(60)


def test_a_nudge_wakes_no_paused_delivery(
    app: Flask, daily: Probe, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = threading.Event()
    work = WORKS["deliver_letters"]
    monkeypatch.setitem(WORKS, "deliver_letters", replace(work, body=lambda _run: delivered.set()))
    overrides.set_paused("deliver_letters", True)
    clock = start_clock(app)
    app.extensions["sneaky.nudge"]("letters")
    before = clock.scheduler.ticked_at
    wait_until(lambda: clock.scheduler.ticked_at != before and clock.scheduler.backlog() == 0)
    assert not delivered.is_set()


def abandoned_run(attempt: int = 1, job_id: str = "probe_5", **values: object) -> int:
    """A run whose process was killed a while ago."""
    claimed = claims.claim(job_id, now(), trigger=Trigger.CLOCK, instance="killed")
    assert isinstance(claimed, claims.Claim)
    with transaction() as session:
        session.execute(
            update(JobExecution)
            .where(JobExecution.id == claimed.execution_id)
            .values(attempt=attempt, lease_until=now() - timedelta(hours=1), **values)
        )
    return claimed.execution_id


def test_a_run_whose_process_is_gone_goes_on_in_its_next_attempt(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    execution_id = abandoned_run(counts={"exchanges": 3})
    start_clock(any_app)
    wait_until(lambda: executions("probe_5")[0].state is ExecutionState.SUCCEEDED)
    [row] = executions("probe_5")
    assert (row.id, row.attempt, row.counts) == (execution_id, 2, {"exchanges": 3})
    assert probe.ids == [(5,)]


def test_a_run_whose_process_went_away_three_times_is_given_up_and_told(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    abandoned_run(attempt=claims.ATTEMPTS)
    start_clock(any_app)
    wait_until(lambda: executions("probe_5")[0].state is ExecutionState.ABANDONED)
    [row] = executions("probe_5")
    assert row.reason == "its process went away 3 times"
    assert row.lease_id is None
    assert probe.ids == []
    [trouble] = db.session.scalars(select(Trouble))
    assert (trouble.kind, trouble.subject) == (TroubleKind.FAILED, "probe")


def test_a_stale_run_of_an_unknown_job_is_given_up(app: Flask, start_clock: StartClock) -> None:
    abandoned_run(job_id="make_coffee")
    start_clock(app)
    wait_until(lambda: executions("make_coffee")[0].state is ExecutionState.ABANDONED)


def test_a_run_that_is_renewed_is_left_alone_whatever_the_clock_says(
    app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    """The clock of this host was set forward, so every lease seems to have ended long ago."""
    claimed = claims.claim("probe_5", now(), trigger=Trigger.SHELL, instance="shell")
    assert isinstance(claimed, claims.Claim)
    clock = start_clock(app)
    for _ in range(8):
        claims.renew(claimed, lease=timedelta(hours=-2))
        before = clock.scheduler.ticked_at
        wait_until(lambda before=before: clock.scheduler.ticked_at != before)  # type: ignore[misc]
    assert executions("probe_5")[0].attempt == 1
    assert probe.ids == []


def test_a_run_handed_over_at_a_stop_goes_on_at_once_in_the_same_attempt(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    begun = threading.Event()

    def work_on(run: Run) -> None:
        begun.set()
        while run.counts.get("batches", 0) < 1000:
            run.count("batches")
            run.checkpoint()
            run.pause(0.001)

    probe.body = work_on
    clock = start_clock(any_app)
    clock.scheduler.submit_order(Order(WORKS["probe"], (5,), now(), Trigger.CLOCK))
    assert begun.wait(60)
    assert clock.stop()
    [row] = executions("probe_5")
    assert (row.state, row.lease_id) == (ExecutionState.RUNNING, None)
    done = row.counts["batches"]
    assert done >= 1

    probe.body = lambda run: run.count("batches")
    start_clock(any_app, pace=replace(FAST, lease=3600))
    wait_until(lambda: executions("probe_5")[0].state is ExecutionState.SUCCEEDED)
    [row] = executions("probe_5")
    assert (row.attempt, row.counts) == (1, {"batches": done + 1})


def test_a_run_far_beyond_its_usual_duration_is_told_once_and_closed_by_its_success(
    app: Flask, daily: Probe, probe: Probe, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        earlier = now() - timedelta(days=1)
        session.add(
            JobExecution(
                job_id="probe_5",
                slot=earlier,
                trigger=Trigger.CLOCK,
                started_at=earlier,
                finished_at=earlier,
                state=ExecutionState.SUCCEEDED,
                duration=0.01,
                instance="one",
            )
        )
    monkeypatch.setattr(stale, "_SLOW_AT_LEAST", 0.2)
    let_go = threading.Event()

    def hold(_run: Run) -> None:
        let_go.wait(60)

    probe.body = hold
    clock = start_clock(app)
    clock.scheduler.submit_order(Order(WORKS["probe"], (5,), now(), Trigger.CLOCK))
    wait_until(lambda: [(one.kind, one.closed_at) for one in troubles()] == [(TroubleKind.SLOW, None)])
    let_go.set()
    wait_until(lambda: troubles()[0].closed_at is not None)


def troubles() -> list[Trouble]:
    db.session.remove()
    return list(db.session.scalars(select(Trouble)))


def test_a_part_of_a_round_that_fails_keeps_no_other_from_its_turn(
    app: Flask, daily: Probe, start_clock: StartClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock = start_clock(app)
    assert clock._sync is not None

    def fail() -> None:
        raise NotFound("the part is broken")

    clock._sync._arming.round = fail  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        public_id = requests.ask(DAILY)
        wait_until(lambda: state_of(public_id) is RequestState.TAKEN)
        wait_until(lambda: clock.scheduler.errors >= 1)
    assert "part of a round failed" in caplog.text
