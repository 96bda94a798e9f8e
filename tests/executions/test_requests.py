"""Requests for runs, for retries and for stops."""

from __future__ import annotations

import pytest
from flask import Flask

from sneaky.core.clock import now
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.executions import claims, history, requests
from sneaky.executions.claims import Claim
from sneaky.executions.history import Outcome
from sneaky.models import ExecutionState, RequestState, Trigger


def a_run(state: ExecutionState = ExecutionState.RUNNING) -> str:
    made = claims.claim("probe", now(), trigger=Trigger.CLOCK, instance="here")
    assert isinstance(made, Claim)
    if state is not ExecutionState.RUNNING:
        history.finish(made, Outcome(state, 1.0, error="bad data"), job="probe")
    return made.public_id


def test_asking_twice_is_one_request(app: Flask) -> None:
    nudges: list[str] = []
    app.extensions["sneaky.nudge"] = nudges.append
    first = requests.ask("probe")
    assert requests.ask("probe") == first
    assert requests.ask("another") != first
    assert [request.job_id for request in requests.waiting()] == ["probe", "another"]
    assert nudges == ["runs", "runs"]


def test_a_failed_run_can_be_tried_again(app: Flask) -> None:
    public_id = requests.retry(a_run(ExecutionState.FAILED))
    request = requests.find(public_id)
    assert (request.job_id, request.trigger, request.state) == ("probe", Trigger.RETRY, RequestState.WAITING)


@pytest.mark.parametrize("state", [ExecutionState.RUNNING, ExecutionState.SUCCEEDED])
def test_a_run_that_did_not_fail_is_not_tried_again(app: Flask, state: ExecutionState) -> None:
    public_id = a_run(state)
    with pytest.raises(RuleBroken, match="Run the job now instead"):
        requests.retry(public_id)


def test_a_run_that_has_ended_cannot_be_stopped(app: Flask) -> None:
    public_id = a_run(ExecutionState.SUCCEEDED)
    with pytest.raises(RuleBroken, match="already ended"):
        requests.stop(public_id)


def test_what_does_not_exist_is_not_found(app: Flask) -> None:
    for action in (requests.find, requests.stop, requests.retry):
        with pytest.raises(NotFound):
            action("nothing")


def test_a_refused_request_says_why_and_waits_no_more(app: Flask) -> None:
    public_id = requests.ask("probe")
    requests.refuse(public_id, "it was running already")
    assert requests.waiting() == []
    assert requests.find(public_id).reason == "it was running already"
    requests.refuse(public_id, "another reason")
    assert requests.find(public_id).reason == "it was running already"
