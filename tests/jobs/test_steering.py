"""What an admin may do to a job, and what is written down about it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.executions import overrides, requests
from sneaky.jobs import closeup, steering
from sneaky.jobs.timetable import RECURRING, Timed
from sneaky.models import AuditEntry, ExecutionState, JobOverride, RunRequest, Trigger
from tests.clock_factories import a_failed_run, a_run
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
        lambda: steering.stop_run("no such run", organizer_id=admin),
        lambda: steering.retry_run("no such run", organizer_id=admin),
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


def test_a_field_that_is_not_named_stays_as_it_is() -> None:
    steering.reschedule(JOB, {"hour": 5})
    steering.reschedule(JOB, {"minute": 30})
    assert overrides.all_of_them()[JOB].schedule == {"hour": 5, "minute": 30}
    steering.reschedule(JOB, {"hour": 2})
    assert overrides.all_of_them()[JOB].schedule == {"hour": 2, "minute": 30}
    steering.reschedule(JOB, {"minute": 0})
    assert overrides.all_of_them()[JOB].schedule == {}


def test_who_stops_a_run_or_tries_it_again_is_on_record() -> None:
    admin = an_organizer()
    running, failed = a_run(HOURLY, state=ExecutionState.RUNNING), a_failed_run(JOB)
    steering.stop_run(running, organizer_id=admin)
    assert requests.find(steering.retry_run(failed, organizer_id=admin)).trigger is Trigger.RETRY
    assert noted() == [("job.stop_asked", {"run": running}), ("job.retry_asked", {"run": failed})]


def test_what_is_refused_is_not_on_record() -> None:
    with pytest.raises(RuleBroken):
        steering.stop_run(a_run(JOB))
    with pytest.raises(RuleBroken):
        steering.retry_run(a_run(HOURLY))
    assert noted() == []
