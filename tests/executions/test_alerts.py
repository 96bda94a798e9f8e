"""Troubles: one letter to each admin, none while it lasts, closed by the next success."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.executions import alerts, claims, history
from sneaky.executions.claims import Claim
from sneaky.executions.history import Outcome
from sneaky.models import ExecutionState, Letter, LetterKind, Trigger, TroubleKind
from tests import factories


def ended(state: ExecutionState, error: str = "") -> str:
    made = claims.claim("probe", now(), trigger=Trigger.CLOCK, instance="here")
    assert isinstance(made, Claim)
    history.finish(made, Outcome(state, 1.0, error=error), job="probe")
    return made.public_id


def letters() -> list[Letter]:
    db.session.remove()
    return list(db.session.scalars(select(Letter).order_by(Letter.id)))


def test_a_failure_is_told_to_every_admin_once(any_app: Flask) -> None:
    admins = {factories.an_organizer(is_admin=True), factories.an_organizer(is_admin=True)}
    factories.an_organizer()
    public_id = ended(ExecutionState.FAILED, "ValueError: wrong data")
    ended(ExecutionState.FAILED, "ValueError: wrong data")
    written = letters()
    assert {letter.organizer_id for letter in written} == admins
    assert {letter.kind for letter in written} == {LetterKind.JOB_FAILED}
    assert written[0].facts == {
        "job_id": "probe",
        "execution": public_id,
        "kind": "failed",
        "error": "ValueError: wrong data",
    }
    assert [trouble.subject for trouble in alerts.open_troubles()] == ["probe"]


def test_a_success_closes_the_trouble_and_the_next_failure_is_told_anew(app: Flask) -> None:
    factories.an_organizer(is_admin=True)
    ended(ExecutionState.FAILED)
    assert alerts.is_open(TroubleKind.FAILED, "probe")
    ended(ExecutionState.SUCCEEDED)
    assert alerts.open_troubles() == []
    ended(ExecutionState.FAILED)
    assert len(letters()) == 2


def test_a_success_closes_trouble_of_its_own_job_and_about_jobs_only(app: Flask) -> None:
    for kind, subject in (
        (TroubleKind.SLOW, "probe"),
        (TroubleKind.MISSING, "probe"),
        (TroubleKind.FAILED, "another"),
        (TroubleKind.MAIL_REFUSED, "probe"),
    ):
        assert alerts.raise_trouble(kind, subject)
    ended(ExecutionState.SUCCEEDED)
    left = {(trouble.kind, trouble.subject) for trouble in alerts.open_troubles()}
    assert left == {(TroubleKind.FAILED, "another"), (TroubleKind.MAIL_REFUSED, "probe")}
    assert alerts.close("probe") == 0


@pytest.mark.parametrize("state", [ExecutionState.SKIPPED, ExecutionState.SUCCEEDED])
def test_nobody_hears_of_a_run_that_went_well(app: Flask, state: ExecutionState) -> None:
    factories.an_organizer(is_admin=True)
    ended(state)
    assert letters() == []
