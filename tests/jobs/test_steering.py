"""What an admin may do to a job, and what is written down about it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.executions import overrides, requests
from sneaky.jobs import closeup, steering
from sneaky.jobs.timetable import RECURRING, Timed
from sneaky.models import AuditEntry, JobOverride, RunRequest
from tests.factories import an_organizer

JOB, HOURLY, REMINDER = "purge_old_exchanges", "cleanup_expired_tokens", "reminder_exchange_4_days_7"

pytestmark = pytest.mark.usefixtures("app")


def noted() -> list[tuple[str, dict[str, object]]]:
    rows = db.session.execute(select(AuditEntry.action, AuditEntry.details).order_by(AuditEntry.id))
    return [(action, details) for action, details in rows]


def test_a_run_is_asked_for_in_the_name_of_the_admin() -> None:
    admin = an_organizer(is_admin=True)
    request = requests.find(steering.run_now(REMINDER, organizer_id=admin))
    assert request.job_id == REMINDER
    assert db.session.scalars(select(RunRequest.organizer_id)).one() == admin
    assert noted() == [("job.run_asked", {"job": REMINDER})]


def test_a_job_nobody_knows_is_not_found() -> None:
    admin = an_organizer()
    for action in (
        lambda: steering.run_now("bake_cookies", organizer_id=admin),
        lambda: steering.set_paused(REMINDER, True, organizer_id=admin),
        lambda: steering.reschedule(REMINDER, {"hour": 1}, organizer_id=admin),
        lambda: closeup.close_up("bake_cookies", 5),
    ):
        with pytest.raises(NotFound):
            action()
    assert noted() == []


def test_a_pause_keeps_the_schedule_and_a_schedule_the_pause() -> None:
    admin = an_organizer()
    steering.reschedule(JOB, {"hour": "5"}, organizer_id=admin)
    steering.set_paused(JOB, True, organizer_id=admin)
    steering.reschedule(JOB, {"hour": "6"}, organizer_id=admin)
    override = overrides.all_of_them()[JOB]
    assert (override.is_paused, override.schedule) == (True, {"hour": 6})
    assert db.session.scalars(select(JobOverride.organizer_id)).one() == admin
    assert noted()[1:] == [("job.paused", {"job": JOB}), ("job.rescheduled", {"job": JOB, "hour": 6})]


@pytest.mark.parametrize("timed", RECURRING, ids=lambda timed: timed.id)
def test_the_numbers_of_the_timetable_end_a_change(timed: Timed) -> None:
    usual = closeup.close_up(timed.id, 0).usual_numbers
    assert set(usual) == set(timed.bounds)
    steering.reschedule(timed.id, usual, organizer_id=an_organizer())
    assert overrides.all_of_them()[timed.id].schedule == {}


def test_a_schedule_outside_its_bounds_changes_nothing() -> None:
    with pytest.raises(RuleBroken, match="every 1, 2, 3, 4, 6, 8, 12 hours") as refusal:
        steering.reschedule(HOURLY, {"hour": "5"}, organizer_id=an_organizer())
    assert refusal.value.field == "hour"
    assert (overrides.all_of_them(), noted()) == ({}, [])
