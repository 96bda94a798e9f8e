"""The claim: one run for each slot, one at a time, lost with its lease, fenced by the term."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import claims, requests
from sneaky.executions.claims import Claim, Fence, LeaseLost, NotLeading, Refusal
from sneaky.models import ExecutionState, JobExecution, Leader, RequestState, Trigger

SLOT = datetime(2026, 12, 24, tzinfo=UTC)
DAY = timedelta(days=1)


def claim(slot: datetime = SLOT, *, job_id: str = "probe", **options: object) -> Claim | Refusal:
    return claims.claim(job_id, slot, trigger=Trigger.CLOCK, instance="here", **options)  # type: ignore[arg-type]


def claimed(slot: datetime = SLOT) -> Claim:
    made = claim(slot)
    assert isinstance(made, Claim)
    return made


def end(made: Claim) -> None:
    with transaction() as session:
        claims.settle(session, made, ExecutionState.SUCCEEDED, duration=1.0)


def row_of(made: Claim) -> JobExecution:
    db.session.remove()
    return db.session.get_one(JobExecution, made.execution_id)


def test_a_slot_is_claimed_once_even_after_its_run_has_ended(any_app: Flask) -> None:
    made = claimed()
    end(made)
    assert claim() is Refusal.ALREADY


def test_a_job_runs_once_at_a_time_whatever_the_slot(any_app: Flask) -> None:
    made = claimed()
    assert claim(SLOT + DAY) is Refusal.BUSY
    assert isinstance(claim(job_id="another"), Claim)
    end(made)
    assert isinstance(claim(SLOT + DAY), Claim)


def test_forty_who_claim_one_slot_at_once_make_one_run(any_app: Flask) -> None:
    start, won = threading.Barrier(40), []

    def race() -> None:
        with any_app.app_context():
            start.wait(30)
            if isinstance(claim(), Claim):
                won.append(1)

    threads = [threading.Thread(target=race) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(won) == 1


def test_who_leads_no_more_claims_nothing(any_app: Flask) -> None:
    with transaction() as session:
        session.add(Leader(id=1, holder="here", term=5))
    assert isinstance(claim(fence=Fence("here", 5)), Claim)
    for passed in (Fence("here", 4), Fence("there", 5)):
        with pytest.raises(NotLeading):
            claim(SLOT + DAY, fence=passed)
        with pytest.raises(NotLeading):
            claims.reclaim(1, "lease", instance="here", fence=passed)
    assert db.session.scalars(select(JobExecution.slot)).all() == [SLOT]


def test_a_renewal_stores_progress_and_tells_of_a_wish_to_stop(any_app: Flask) -> None:
    made = claimed()
    assert not claims.renew(made, counts={"erased": 50}, done=50, total=200)
    requests.stop(made.public_id)
    assert claims.renew(made)
    row = row_of(made)
    assert (row.counts, row.done, row.total) == ({"erased": 50}, 50, 200)
    assert row.lease_until is not None
    assert row.lease_until > now() + timedelta(seconds=20)


def test_a_run_taken_over_is_lost_to_whoever_had_it(any_app: Flask) -> None:
    made = claimed()
    taken = claims.reclaim(made.execution_id, made.lease_id, instance="there")
    assert taken is not None
    assert (taken.attempt, taken.slot, taken.public_id) == (2, SLOT, made.public_id)
    with pytest.raises(LeaseLost):
        claims.renew(made)
    with pytest.raises(LeaseLost):
        end(made)
    claims.hand_over(made)  # nothing of it is ours any more
    assert row_of(made).lease_id == taken.lease_id


def test_of_two_who_take_over_a_run_one_gets_it(any_app: Flask) -> None:
    made = claimed()
    assert claims.reclaim(made.execution_id, made.lease_id, instance="one") is not None
    assert claims.reclaim(made.execution_id, made.lease_id, instance="other") is None


def test_a_run_that_ended_is_not_taken_over(any_app: Flask) -> None:
    made = claimed()
    end(made)
    assert claims.reclaim(made.execution_id, None, instance="there") is None


def test_a_run_handed_over_goes_on_in_the_same_attempt_with_its_counts(any_app: Flask) -> None:
    made = claimed()
    claims.hand_over(made, counts={"erased": 3})
    taken = claims.reclaim(made.execution_id, None, instance="there")
    assert taken is not None
    assert (taken.attempt, taken.counts) == (1, {"erased": 3})


def test_a_claim_for_a_request_takes_over_its_id(any_app: Flask) -> None:
    public_id = requests.ask("probe")
    made = claim(request=public_id)
    assert isinstance(made, Claim)
    assert made.public_id == public_id
    assert requests.find(public_id).state is RequestState.TAKEN
