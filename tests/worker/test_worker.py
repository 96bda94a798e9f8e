"""What the leader leaves, workers take: runs, ticks, requests, stale runs and letters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import overrides, requests, waiting, workers
from sneaky.jobs import hands
from sneaky.jobs.running import Order, Runner
from sneaky.jobs.work import WORKS, Run
from sneaky.models import ExecutionState, JobExecution, LetterKind, RequestState, Trigger
from sneaky.outbox import leases, queue
from tests.worker.conftest import FAST, FAST_CLOCK, Probe, StartClock, StartWorker, wait_until


def order(name: str = "probe", slot: datetime | None = None, **facts: object) -> Order:
    ids = (1,) if name == "probe" else ()
    return Order(WORKS[name], ids, slot or now(), Trigger.CLOCK, **facts)  # type: ignore[arg-type]


def runs_of(job_id: str = "probe_1") -> list[JobExecution]:
    db.session.remove()
    return list(db.session.scalars(select(JobExecution).where(JobExecution.job_id == job_id)))


def states(job_id: str = "probe_1") -> list[ExecutionState]:
    return [run.state for run in runs_of(job_id)]


def until(event: threading.Event) -> Callable[[Run], None]:
    """A body that never asks whether it shall stop, until `event` is set."""

    def body(_run: Run) -> None:
        event.wait(60)

    return body


def number_of_workers() -> int:
    db.session.remove()
    return len(workers.last_seen())


def test_without_workers_the_leader_runs_what_is_due(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    start_clock().scheduler.submit_order(order())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["jobs-default"]


def test_with_a_worker_the_leader_only_says_what_is_due(
    any_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    start_worker()
    wait_until(number_of_workers, "the worker beats")
    start_clock().scheduler.submit_order(order())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["worker"]


def test_a_request_of_an_admin_is_answered_by_a_worker(
    any_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    start_worker()
    wait_until(number_of_workers, "the worker beats")
    start_clock()
    asked = requests.ask("probe_1")
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["worker"]
    assert runs_of()[0].public_id == asked
    assert requests.find(asked).state is RequestState.TAKEN


def test_a_request_for_what_waits_already_is_refused_with_the_reason(any_app: Flask, probe: Probe) -> None:
    hands.leave(order(), Runner())
    asked = requests.ask("probe_1")
    result = hands.leave(order(request=asked), Runner())
    assert (result.success, result.error) == (False, "it is running right now")
    assert requests.find(asked).state is RequestState.REFUSED


def test_where_the_workers_are_gone_the_leader_takes_up_what_they_left(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    workers.beat("gone", now())
    start_clock().scheduler.submit_order(order())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["jobs-default"]
    wait_until(lambda: number_of_workers() == 0, "the worker that is gone is forgotten")


def test_the_run_of_a_worker_that_is_gone_goes_to_another_one(
    any_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    hands.leave(order(), Runner())
    assert waiting.take(instance="gone", lease=timedelta(seconds=1)) is not None
    start_worker()
    wait_until(number_of_workers, "the worker beats")
    start_clock()
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["worker"]
    assert runs_of()[0].attempt == 2


def test_a_worker_that_falls_silent_keeps_its_run_no_longer_than_it_is_waited_for(
    any_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    hands.leave(order(), Runner())
    workers.beat("silent", now())
    assert waiting.take(instance="silent", lease=timedelta(minutes=10)) is not None
    start_worker()
    wait_until(lambda: number_of_workers() == 2, "the other worker beats")
    start_clock(replace(FAST_CLOCK, lease=600.0))
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert (probe.who, runs_of()[0].attempt) == (["worker"], 2)


def test_a_worker_that_stops_hands_its_run_over(
    any_app: Flask, probe: Probe, start_worker: StartWorker
) -> None:
    begun = threading.Event()

    def body(run: Run) -> None:
        begun.set()
        while len(probe.runs) == 1:
            run.pause(0.01)
            run.checkpoint()

    probe.body = body
    hands.leave(order(), Runner())
    first = start_worker()
    assert begun.wait(30)
    first.begin_stop()
    wait_until(lambda: runs_of()[0].lease_id is None, "it is handed over")
    start_worker()
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "another one goes on")
    assert (len(probe.runs), runs_of()[0].attempt) == (2, 1)
    wait_until(lambda: number_of_workers() == 1, "who stopped has signed off")


def test_a_tick_leaves_a_row_only_if_it_worked(
    any_app: Flask, ticking: Probe, start_worker: StartWorker
) -> None:
    hands.leave(order("ticking"), Runner())
    start_worker()
    wait_until(lambda: ticking.runs, "it ticks")
    assert runs_of("ticking") == []
    ticking.body = lambda run: run.count("things")
    hands.leave(order("ticking"), Runner())
    wait_until(lambda: states("ticking") == [ExecutionState.SUCCEEDED], "its work is on record")


def test_a_job_of_another_release_waits_for_a_worker_of_that_one(
    any_app: Flask, probe: Probe, start_worker: StartWorker, caplog: pytest.LogCaptureFixture
) -> None:
    waiting.leave("of_a_later_release", now(), trigger=Trigger.CLOCK, pool="default")
    hands.leave(order(), Runner())
    start_worker()
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "the known one runs")
    (left,) = runs_of("of_a_later_release")
    assert (left.lease_id, left.attempt, left.state) == (None, 1, ExecutionState.RUNNING)
    assert [record.message for record in caplog.records].count("a run waits for another release") == 1


def test_no_more_is_taken_than_there_are_threads(
    any_app: Flask, probe: Probe, start_worker: StartWorker
) -> None:
    may_end = threading.Event()
    probe.body = until(may_end)
    for number in range(3):
        hands.leave(replace(order(), ids=(number,)), Runner())
    start_worker(threads=2)
    wait_until(lambda: len(probe.runs) == 2, "both threads are busy")
    assert runs_of("probe_2")[0].lease_id is None
    may_end.set()
    wait_until(lambda: states("probe_2") == [ExecutionState.SUCCEEDED], "the third one has its turn")


def a_letter(number: int = 0) -> None:
    with transaction():
        queue.put(LetterKind.TEST, to_email=f"ann{number}@example.org")


def sent(folder: Path) -> int:
    return len(list((folder / "letters").glob("*.eml")))


def test_a_letter_goes_without_a_leader_and_without_a_tick(
    any_app: Flask, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker()
    a_letter()
    wait_until(lambda: sent(tmp_path) == 1, "it is sent")


def test_letters_wait_while_their_job_is_paused_or_they_are_held(
    any_app: Flask, probe: Probe, start_worker: StartWorker, tmp_path: Path
) -> None:
    overrides.set_paused("deliver_letters", True)
    a_letter()
    assert leases.is_anything_to_send()
    queue.hold("a look first")
    assert not leases.is_anything_to_send()
    queue.resume()
    start_worker()
    hands.leave(order(), Runner())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "the worker looks")
    assert sent(tmp_path) == 0
    overrides.set_paused("deliver_letters", False)
    wait_until(lambda: sent(tmp_path) == 1, "it is sent")


def test_a_run_that_hangs_is_failed_and_the_process_has_to_begin_anew(
    any_app: Flask, probe: Probe, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    probe.body = until(may_end)
    work = WORKS["probe"]
    hasty = replace(work, timed=replace(work.timed, hard_limit=timedelta(seconds=0.3)))
    monkeypatch.setitem(WORKS, "probe", hasty)
    hands.leave(order(), Runner())
    worker = start_worker(pace=replace(FAST, stop_within=0.1))
    wait_until(lambda: worker.has_to_begin_anew, "the hard limit")
    (run,) = runs_of()
    assert run.state is ExecutionState.FAILED
    assert "it hung" in run.error
    may_end.set()


def test_a_worker_outlives_its_database(
    any_app: Flask, probe: Probe, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = threading.Semaphore(0)

    def broken(*_args: object, **_options: object) -> None:
        looks.release()
        raise ConnectionError("gone")

    with monkeypatch.context() as away:
        away.setattr(hands, "take", broken)
        start_worker()
        for _ in range(3):
            assert looks.acquire(timeout=30)
    hands.leave(order(), Runner())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it goes on")
