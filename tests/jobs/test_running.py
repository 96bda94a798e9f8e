"""How one run of a job goes: by hand, in steps, stopped, failed, hung, taken over."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import InternalError, OperationalError

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db
from sneaky.executions import claims, history, requests
from sneaky.jobs import retrying
from sneaky.jobs.running import JobResult, Order, Runner, by_hand, perform
from sneaky.jobs.work import Run, Skipped, resolve
from sneaky.models import ExecutionState, Trigger, Trouble
from tests.jobs.conftest import MakeJob, runs


def test_a_run_by_hand_is_on_record_and_hands_back_its_result(any_app: Flask, make_job: MakeJob) -> None:
    make_job(lambda run, number: run.count("gifts", number))
    result = by_hand("probe", 3)
    assert (result.success, result.counts, result.error) == (True, {"gifts": 3}, "")
    [row] = runs()
    assert (row.job_id, row.trigger, row.state) == ("probe_3", Trigger.SHELL, ExecutionState.SUCCEEDED)
    assert (row.public_id, row.counts, row.done) == (result.execution, {"gifts": 3}, 3)
    assert row.duration is not None


def test_a_result_reads_as_one_line() -> None:
    state = ExecutionState.SUCCEEDED
    assert (
        repr(JobResult("purge", True, {"erased": 2, "warned": 1}, state=state, duration=0.126))
        == "<purge succeeded in 0.13 s: erased 2, warned 1>"
    )
    assert repr(JobResult("purge", False, error="it is running right now")) == (
        "<purge not run in 0.00 s: nothing to do (it is running right now)>"
    )


def test_start_and_end_are_logged_with_their_facts(
    app: Flask, make_job: MakeJob, caplog: pytest.LogCaptureFixture
) -> None:
    make_job(lambda run: run.count("gifts", 2))
    with caplog.at_level(logging.INFO):
        result = by_hand("probe")
    start, end = (record for record in caplog.records if record.name == "sneaky.jobs.running")
    assert (start.message, end.message) == ("job starts", "job ends")
    for record in (start, end):
        assert vars(record)["job"] == "probe"
        assert vars(record)["execution"] == result.execution
        assert vars(record)["slot"]
    assert vars(end)["state"] == "succeeded"
    assert vars(end)["gifts"] == 2
    assert vars(end)["duration"] >= 0


def test_a_failing_body_is_recorded_with_its_traceback_and_told(app: Flask, make_job: MakeJob) -> None:
    def fail(_run: Run) -> None:
        raise ValueError("no such zone for ann.smith@example.org")

    make_job(fail)
    result = by_hand("probe")
    assert not result.success
    [row] = runs()
    assert row.state is ExecutionState.FAILED
    assert row.error == result.error == "ValueError: no such zone for an…@example.org"
    assert "raise ValueError" in row.traceback
    assert "ann.smith" not in row.traceback
    assert len(db.session.scalars(select(Trouble)).all()) == 1


def test_what_a_failing_body_left_in_the_session_is_let_go(app: Flask, make_job: MakeJob) -> None:
    def fail(_run: Run) -> None:
        db.session.add(Trouble(kind="failed", subject="half done", details={}, opened_at=now()))
        raise ValueError

    make_job(fail)
    by_hand("probe")
    assert "half done" not in [trouble.subject for trouble in db.session.scalars(select(Trouble))]


def test_a_job_that_runs_already_is_not_run_again(app: Flask, make_job: MakeJob) -> None:
    make_job(lambda run: None)
    claims.claim("probe", now() - timedelta(hours=1), trigger=Trigger.CLOCK, instance="another")
    result = by_hand("probe")
    assert (result.success, result.error, result.state) == (False, "it is running right now", None)


def test_ctrl_c_at_a_shell_ends_the_run(app: Flask, make_job: MakeJob) -> None:
    def interrupted(_run: Run) -> None:
        raise KeyboardInterrupt

    make_job(interrupted)
    with pytest.raises(KeyboardInterrupt):
        by_hand("probe")
    assert [row.state for row in runs()] == [ExecutionState.FAILED]


def test_a_body_with_nothing_to_do_is_skipped_with_the_reason(app: Flask, make_job: MakeJob) -> None:
    def skip(_run: Run) -> None:
        raise Skipped("the exchange is over")

    make_job(skip)
    result = by_hand("probe")
    assert (result.success, result.state, result.reason) == (
        True,
        ExecutionState.SKIPPED,
        "the exchange is over",
    )
    assert runs()[0].reason == "the exchange is over"


def test_a_run_stops_at_its_soft_limit_between_batches_and_says_so(app: Flask, make_job: MakeJob) -> None:
    make_job(lambda run: run.batches("gifts", lambda: 10), soft=0)
    result = by_hand("probe")
    assert (result.success, result.counts) == (True, {"gifts": 10})
    assert runs()[0].reason == "reached its time limit; the next run goes on"


def test_a_run_stops_on_request_between_batches(app: Flask, make_job: MakeJob) -> None:
    def batch() -> int:
        requests.stop(runs()[0].public_id)
        return 5

    make_job(lambda run: run.batches("gifts", batch))
    result = by_hand("probe")
    assert (result.state, result.reason) == (ExecutionState.SUCCEEDED, "stopped on request")
    assert result.counts == {"gifts": 5}


def test_progress_and_log_can_be_read_while_it_works(app: Flask, make_job: MakeJob) -> None:
    seen: list[tuple[int, int | None, str]] = []

    def work(run: Run) -> None:
        run.total = 20
        run.count("gifts", 10)
        run.note("half of it, says ann.smith@example.org")
        run.checkpoint()
        [row] = runs()
        seen.append((row.done, row.total, row.log.partition(" ")[2]))

    make_job(work)
    by_hand("probe")
    assert seen == [(10, 20, "half of it, says an…@example.org")]


def busy() -> OperationalError:
    return OperationalError("UPDATE", {}, Exception("database is locked"))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(retrying, "_LONGEST_WAIT", 0.001)


@pytest.mark.usefixtures("no_waiting")
def test_a_step_is_tried_again_after_a_transient_error(app: Flask, make_job: MakeJob) -> None:
    tries: list[int] = []

    def step() -> int:
        tries.append(1)
        if len(tries) < 4:
            raise busy()
        return 7

    make_job(lambda run: run.count("gifts", run.step(step)))
    assert by_hand("probe").counts == {"gifts": 7}
    assert len(tries) == 4


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (busy(), retrying.TRIES),
        (InternalError("BEGIN", None, Exception("received 2 results")), retrying.TRIES),
        (ValueError("wrong data"), 1),
    ],
)
def test_tries_are_bounded_and_wrong_data_is_tried_once(
    app: Flask, make_job: MakeJob, error: Exception, tries: int
) -> None:
    made: list[int] = []

    def step() -> None:
        made.append(1)
        raise error

    make_job(lambda run: run.step(step))
    assert by_hand("probe").state is ExecutionState.FAILED
    assert len(made) == tries


def test_the_lease_is_renewed_while_a_step_takes_longer_than_it(app: Flask, make_job: MakeJob) -> None:
    leases: list[object] = []
    pause, deadline = threading.Event(), monotonic() + 60

    def long_step(_run: Run) -> None:
        while len(set(leases)) < 3 and monotonic() < deadline:
            pause.wait(0.05)
            leases.append(runs()[0].lease_until)

    work = make_job(long_step)
    perform(Order(work, (), now(), Trigger.CLOCK), Runner(lease=timedelta(seconds=0.3)))
    assert len(set(leases)) == 3


def test_a_run_taken_over_ends_here_at_its_next_checkpoint(app: Flask, make_job: MakeJob) -> None:
    done: list[int] = []

    def work(run: Run) -> None:
        [row] = runs()
        assert claims.reclaim(row.id, row.lease_id, instance="another") is not None
        run.checkpoint()
        done.append(1)

    make_job(work)
    result = by_hand("probe")
    assert done == []
    assert not result.success
    [row] = runs()
    assert (row.state, row.attempt) == (ExecutionState.RUNNING, 2)


@pytest.mark.usefixtures("no_waiting")
def test_an_outcome_that_cannot_be_written_leaves_the_run_to_its_lease(
    app: Flask, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(lambda run: run.count("gifts"))

    def fail(*_what: object, **_how: object) -> None:
        raise busy()

    with monkeypatch.context() as broken:
        broken.setattr(history, "finish", fail)
        with pytest.raises(OperationalError):
            by_hand("probe")
    [row] = runs()
    assert row.state is ExecutionState.RUNNING
    assert row.lease_id is not None


@pytest.mark.usefixtures("no_waiting")
def test_a_run_cut_off_by_the_database_goes_on_in_its_next_attempt_and_fails_in_its_last(
    app: Flask, make_job: MakeJob
) -> None:
    def work(run: Run) -> None:
        run.count("gifts")
        raise busy()

    job = make_job(work)
    perform(Order(job, (), now(), Trigger.CLOCK), Runner())
    for attempt in range(2, claims.ATTEMPTS + 1):
        [row] = runs()
        assert (row.state, row.attempt, row.lease_id) == (ExecutionState.RUNNING, attempt, None)
        assert row.counts == {"gifts": attempt - 1}
        perform(Order(job, (), row.slot, Trigger.CLOCK, stale=(row.id, None)), Runner())
    [row] = runs()
    assert (row.state, row.attempt) == (ExecutionState.FAILED, claims.ATTEMPTS)
    assert "database is locked" in row.traceback


def tick(make_job: MakeJob, body: object) -> JobResult:
    return perform(Order(make_job(body, is_tick=True), (), now(), Trigger.CLOCK), Runner())


def test_a_tick_without_work_leaves_no_row_and_one_with_work_does(app: Flask, make_job: MakeJob) -> None:
    assert tick(make_job, lambda run: None).success
    assert runs() == []
    tick(make_job, lambda run: run.count("sent", 2))
    [row] = runs()
    assert (row.job_id, row.counts, row.state) == ("probe", {"sent": 2}, ExecutionState.SUCCEEDED)


def test_a_tick_that_keeps_failing_is_one_row_and_one_trouble_until_it_succeeds(
    app: Flask, make_job: MakeJob
) -> None:
    def fail(_run: Run) -> None:
        raise ValueError("wrong data")

    for _ in range(3):
        assert not tick(make_job, fail).success
    assert [row.error for row in runs()] == ["ValueError: wrong data"]
    assert [trouble.closed_at for trouble in db.session.scalars(select(Trouble))] == [None]
    tick(make_job, lambda run: None)
    db.session.remove()
    assert [trouble.closed_at is None for trouble in db.session.scalars(select(Trouble))] == [False]


def test_a_tick_run_by_hand_always_leaves_a_row(app: Flask, make_job: MakeJob) -> None:
    make_job(lambda run: None, is_tick=True)
    by_hand("probe")
    assert [row.trigger for row in runs()] == [Trigger.SHELL]


@pytest.mark.parametrize(
    ("job_id", "name", "ids"),
    [
        ("purge_old_exchanges", "purge_old_exchanges", ()),
        ("reminder_exchange_12_days_3", "send_reminder_for_exchange", (12, 3)),
    ],
)
def test_a_job_id_names_its_job_and_ids(job_id: str, name: str, ids: tuple[int, ...]) -> None:
    work, found = resolve(job_id)
    assert (work.name, found) == (name, ids)
    assert work.job_id(*ids) == job_id
