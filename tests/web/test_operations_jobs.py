"""The jobs page and the page of one job: what is scheduled, run now, pause, another schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import overrides
from sneaky.jobs.timetable import RECURRING
from sneaky.models import AuditEntry, ExchangeState, ExecutionState, Reminder, RunRequest
from tests.clock_factories import JOB, a_failed_run, a_run, a_stored_job, a_ticking_clock
from tests.factories import an_exchange
from tests.web.admin import JSON, an_admins_browser, code
from tests.web.signing_in import csrf_token, press

JOBS, ONE = "/operations/jobs", f"/operations/jobs/{JOB}"
HOURLY = "/operations/jobs/cleanup_expired_tokens"


def a_planned_reminder() -> str:
    """A reminder of an exchange, a week before its day; returns its job id."""
    exchange = an_exchange(name="Family Christmas", state=ExchangeState.MATCHED)
    with transaction() as session:
        session.add(Reminder(exchange_id=exchange, days_before=7, due_at=now() + timedelta(days=3)))
    return f"reminder_exchange_{exchange}_days_7"


def json_of(answer: TestResponse) -> Any:
    assert answer.is_json
    return answer.json


def test_each_job_tells_its_schedule_its_next_run_and_its_last_ones(app: Flask) -> None:
    a_stored_job(JOB)
    a_run()
    a_failed_run()
    page = an_admins_browser(app, zone="Asia/Tokyo").get(JOBS).text
    for timed in RECURRING:
        assert code(timed.id) in page
    for words in ("every day at 02:00 UTC", "every hour at :00", "every minute", "every 10 seconds"):
        assert words in page
    assert "2 runs, 1 failed" in page
    assert "ValueError: no such cookie" in page
    assert "Asia/Tokyo" in page
    assert "in 1 hour" in page


def test_a_reader_of_german_reads_german_numbers(app: Flask) -> None:
    a_run(duration=1.4)
    page = an_admins_browser(app, locale="de").get(JOBS).text
    assert "1,4 s" in page.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_a_clock_that_stands_still_is_told_first(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert "The clock stands still" in admin.get(JOBS).text
    a_ticking_clock()
    assert "The clock stands still" not in admin.get(JOBS).text


def test_parked_jobs_are_shown_and_not_lost(app: Flask) -> None:
    a_stored_job("parked:0123456789ab:gifts_of_yesteryear", next_run_time=None)
    assert code("gifts_of_yesteryear") in an_admins_browser(app).get(JOBS).text


def test_reminders_to_come_are_listed_with_their_exchange(app: Flask) -> None:
    job_id = a_planned_reminder()
    admin = an_admins_browser(app)
    page = admin.get(JOBS).text
    assert "Family Christmas" in page
    assert "not with the clock yet" in page
    assert code(job_id) in admin.get(f"/operations/jobs/{job_id}").text


def test_run_now_leads_to_the_page_of_the_run(app: Flask) -> None:
    admin = an_admins_browser(app)
    answer = press(admin, f"{ONE}/run", on=ONE)
    request = db.session.scalars(select(RunRequest)).one()
    assert (answer.status_code, request.job_id) == (303, JOB)
    assert answer.headers["Location"] == f"/operations/executions/{request.public_id}"
    assert "Waiting for the clock" in admin.get(answer.headers["Location"]).text
    assert "waiting for the clock" in admin.get(JOBS).text


def test_pressing_run_now_twice_asks_once(app: Flask) -> None:
    admin = an_admins_browser(app)
    places = {press(admin, f"{ONE}/run", on=ONE).headers["Location"] for _ in range(2)}
    assert len(places) == 1


def test_a_program_runs_a_job_and_follows_it(app: Flask) -> None:
    admin = an_admins_browser(app)
    headers = JSON | {"X-CSRFToken": csrf_token(admin.get(JOBS).text)}
    answer = admin.post(f"{ONE}/run", headers=headers)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/operations/executions/{json_of(answer)['id']}"
    status = json_of(admin.get(answer.headers["Location"], headers=JSON))
    assert status["execution"] is None
    assert status["asked"]["state"] == "waiting"


def test_an_unknown_job_cannot_be_run(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert press(admin, "/operations/jobs/bake_cookies/run", on=JOBS).status_code == 404
    assert db.session.scalars(select(RunRequest)).all() == []


def test_an_admin_asks_for_no_draw_of_somebody_elses_exchange(app: Flask) -> None:
    admin = an_admins_browser(app)
    drawing = "/operations/jobs/draw_exchange_1_instead_of_0"
    assert "Run now" not in admin.get(drawing).text
    assert press(admin, f"{drawing}/run", on=JOBS).status_code == 404
    assert db.session.scalars(select(RunRequest)).all() == []


def test_a_paused_job_says_so_and_goes_on_when_resumed(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert press(admin, f"{ONE}/pause", on=ONE).headers["Location"] == ONE
    assert overrides.all_of_them()[JOB].is_paused
    for path in (JOBS, ONE):
        page = admin.get(path).text
        assert "paused" in page
        assert f'action="{ONE}/resume"' in page
    press(admin, f"{ONE}/resume", on=ONE)
    assert not overrides.all_of_them()[JOB].is_paused
    assert db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all() == [
        "job.paused",
        "job.resumed",
    ]


def test_a_new_schedule_counts_and_can_be_taken_back(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert press(admin, f"{ONE}/schedule", on=ONE, hour="5", minute="15").headers["Location"] == ONE
    assert overrides.all_of_them()[JOB].schedule == {"hour": 5, "minute": 15}
    page = admin.get(ONE).text
    assert "every day at 05:15 UTC" in page
    assert "Back to every day at 02:00 UTC" in page
    press(admin, f"{ONE}/schedule", on=ONE, hour="2", minute="0")
    assert overrides.all_of_them()[JOB].schedule == {}


def test_a_step_is_chosen_among_those_that_divide_their_hour(app: Flask) -> None:
    admin = an_admins_browser(app)
    press(admin, f"{HOURLY}/schedule", on=HOURLY, hour="6", minute="30")
    assert "every 6 hours at :30" in admin.get(HOURLY).text
    press(admin, f"{HOURLY}/schedule", on=HOURLY, hour="1", minute="0")
    assert "(changed)" not in admin.get(JOBS).text


@pytest.mark.parametrize(
    ("path", "typed", "told"),
    [
        (ONE, {"hour": "24", "minute": "0"}, "whole number from 0 to 23"),
        (ONE, {"hour": "2", "minute": "-1"}, "whole number from 0 to 59"),
        (ONE, {"hour": "soon", "minute": "0"}, "whole number from 0 to 23"),
        (ONE, {"hour": "", "minute": "0"}, "whole number from 0 to 23"),
        (HOURLY, {"hour": "5", "minute": "0"}, "every 1, 2, 3, 4, 6, 8, 12 hours"),
    ],
)
def test_a_schedule_outside_the_bounds_is_refused_beside_the_field(
    app: Flask, path: str, typed: dict[str, str], told: str
) -> None:
    admin = an_admins_browser(app)
    answer = press(admin, f"{path}/schedule", on=path, **typed)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert overrides.all_of_them() == {}
    headers = JSON | {"X-CSRFToken": csrf_token(admin.get(path).text)}
    refused = admin.post(f"{path}/schedule", data=typed, headers=headers)
    assert refused.status_code == 422
    assert any(told in error for errors in json_of(refused)["errors"].values() for error in errors)


def test_what_was_typed_comes_back(app: Flask) -> None:
    answer = press(an_admins_browser(app), f"{ONE}/schedule", on=ONE, hour="99", minute="7")
    assert 'value="99"' in answer.text
    assert 'value="7"' in answer.text


@pytest.mark.parametrize("action", ["pause", "resume", "schedule"])
def test_only_recurring_jobs_have_a_schedule_to_change(app: Flask, action: str) -> None:
    path = f"/operations/jobs/{a_planned_reminder()}"
    assert press(an_admins_browser(app), f"{path}/{action}", on=path).status_code == 404


def test_a_running_job_can_be_stopped_from_the_list(app: Flask) -> None:
    run = a_run(state=ExecutionState.RUNNING)
    admin = an_admins_browser(app)
    assert f'action="/operations/executions/{run}/stop"' in admin.get(JOBS).text
    assert f'action="{ONE}/run"' not in admin.get(JOBS).text


def test_programs_read_the_same_by_accept_or_by_address(app: Flask) -> None:
    a_run()
    admin = an_admins_browser(app)
    for path in (JOBS, ONE):
        assert json_of(admin.get(path, headers=JSON)) == json_of(admin.get(f"{path}.json"))
        assert admin.get(path, headers={"Accept": "text/html,*/*"}).mimetype == "text/html"
    job = json_of(admin.get(f"{ONE}.json"))
    assert job["line"]["bounds"]["hour"] == {"least": 0, "most": 23}
    assert job["last_runs"][0]["state"] == "succeeded"
    assert job["last_runs"][0]["started_at"].endswith("Z")


def test_the_list_asks_the_database_as_often_for_many_runs_as_for_few(app: Flask) -> None:
    admin, asked = an_admins_browser(app), list[str]()
    admin.get(JOBS)
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for number in (1, 30):
        for _ in range(number):
            a_run()
            a_planned_reminder()
        asked.clear()
        admin.get(JOBS)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 20
