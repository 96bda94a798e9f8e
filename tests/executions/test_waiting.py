"""Runs that wait for a worker: left once, taken once, put back with their attempt counted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.executions import claims, requests, waiting, workers
from sneaky.executions.claims import Claim, Fence, LeaseLost, NotLeading, Refusal
from sneaky.models import ExecutionState, JobExecution, Leader, RequestState, Trigger

SLOT = datetime(2026, 12, 24, tzinfo=UTC)
DAY = timedelta(days=1)
LEASE = timedelta(seconds=30)


def leave(slot: datetime = SLOT, job_id: str = "probe", **options: object) -> Refusal | None:
    return waiting.leave(job_id, slot, trigger=Trigger.CLOCK, **options)  # type: ignore[arg-type]


def take(**options: object) -> Claim | None:
    return waiting.take(instance="worker", lease=LEASE, **options)  # type: ignore[arg-type]


def taken() -> Claim:
    made = take()
    assert made is not None
    return made


def row_of(job_id: str = "probe") -> JobExecution:
    db.session.remove()
    return db.session.scalars(select(JobExecution).where(JobExecution.job_id == job_id)).one()


def test_a_run_that_is_left_waits_and_has_not_begun(any_app: Flask) -> None:
    assert leave() is None
    row = row_of()
    assert (row.state, row.lease_id, row.instance, row.attempt) == (ExecutionState.RUNNING, None, "", 1)


def test_a_slot_is_left_once_and_a_job_one_at_a_time(any_app: Flask) -> None:
    leave()
    assert leave() is Refusal.ALREADY
    assert leave(SLOT + DAY) is Refusal.BUSY
    assert claims.claim("probe", SLOT, trigger=Trigger.CLOCK, instance="leader") is Refusal.ALREADY


def test_who_leads_no_more_leaves_and_puts_back_nothing(any_app: Flask) -> None:
    with transaction() as session:
        session.add(Leader(id=1, holder="here", term=5))
    with pytest.raises(NotLeading):
        leave(fence=Fence("here", 4))
    leave()
    made = taken()
    with pytest.raises(NotLeading):
        waiting.put_back(made.execution_id, made.lease_id, fence=Fence("there", 5))


def test_a_request_is_answered_by_the_run_that_is_left(any_app: Flask) -> None:
    asked = requests.ask("probe")
    leave(request=asked)
    assert requests.find(asked).state is RequestState.TAKEN
    assert taken().public_id == asked


def test_the_oldest_is_taken_first_and_under_a_lease(any_app: Flask) -> None:
    leave(job_id="first")
    leave(job_id="second")
    made = taken()
    assert (made.job_id, made.attempt) == ("first", 1)
    row = row_of("first")
    assert (row.lease_id, row.instance) == (made.lease_id, "worker")
    assert row.lease_until is not None
    assert taken().job_id == "second"
    assert take() is None


def test_what_is_left_to_others_waits_on(any_app: Flask) -> None:
    leave(job_id="unknown")
    assert take(but={"unknown"}) is None
    assert take(but={"another"}) is not None


def test_the_start_is_that_of_the_work_and_not_of_the_waiting(any_app: Flask) -> None:
    leave()
    left_at = row_of().started_at
    made = taken()
    began_at = row_of().started_at
    assert began_at > left_at
    claims.hand_over(made)
    assert taken().attempt == 1
    assert row_of().started_at == began_at


def test_a_worker_that_is_gone_loses_its_run_to_the_next_attempt(any_app: Flask) -> None:
    leave()
    gone = taken()
    assert waiting.put_back(gone.execution_id, gone.lease_id)
    assert not waiting.put_back(gone.execution_id, gone.lease_id)
    again = taken()
    assert (again.execution_id, again.attempt) == (gone.execution_id, 2)
    with pytest.raises(LeaseLost):
        claims.renew(gone)
    claims.renew(again)


def test_a_tick_is_withdrawn_only_by_who_took_it(any_app: Flask) -> None:
    leave()
    gone = taken()
    waiting.put_back(gone.execution_id, gone.lease_id)
    waiting.withdraw(gone)
    made = taken()
    waiting.withdraw(made)
    assert db.session.scalar(select(JobExecution.id)) is None


def test_twenty_who_take_at_once_take_each_run_once(any_app: Flask) -> None:
    for number in range(30):
        leave(job_id=f"probe_{number}")
    start, took = threading.Barrier(20), []

    def race() -> None:
        with any_app.app_context():
            start.wait(30)
            while (made := take()) is not None:
                took.append(made.job_id)

    threads = [threading.Thread(target=race) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(took) == sorted(f"probe_{number}" for number in range(30))


def test_workers_are_known_from_their_first_beat_until_they_sign_off(any_app: Flask) -> None:
    assert workers.last_seen() == {}
    workers.beat("one", SLOT)
    first = workers.last_seen()["one"]
    workers.beat("one", SLOT)
    workers.beat("two", SLOT)
    db.session.remove()
    assert workers.last_seen()["one"] > first
    assert set(workers.last_seen()) == {"one", "two"}
    workers.sign_off(["one"])
    db.session.remove()
    assert set(workers.last_seen()) == {"two"}
