"""The runs: all of them by job and state, one with progress, log and error, stopped or tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.executions import requests
from sneaky.executions.runs import PAGE_SIZE
from sneaky.models import ExecutionState, JobExecution, RunRequest, Trigger
from tests.clock_factories import JOB, a_failed_run, a_run, a_ticking_clock
from tests.web.admin import JSON, an_admins_browser, code
from tests.web.signing_in import csrf_token, press

RUNS = "/operations/executions"


def page_of(public_id: str) -> str:
    return f"{RUNS}/{public_id}"


def test_a_run_tells_when_why_and_what(app: Flask) -> None:
    run = a_run(trigger=Trigger.CATCH_UP, attempt=2, log="02:00:01 two of them <gone>", duration=83.0)
    page = an_admins_browser(app).get(page_of(run)).text
    for words in (JOB, "late, since nobody was there", "2 erased, 1 warned", "opaque-instance", "1 min 23"):
        assert words in page
    assert "02:00:01 two of them &lt;gone&gt;" in page
    assert "data-hx-get" not in page


def test_a_failed_run_shows_its_error_and_can_be_tried_again(app: Flask) -> None:
    run, admin = a_failed_run(), an_admins_browser(app)
    page = admin.get(page_of(run)).text
    assert "ValueError: no such cookie" in page
    assert "Traceback: line 12" in page
    answer = press(admin, f"{page_of(run)}/retry", on=page_of(run))
    request = db.session.scalars(select(RunRequest)).one()
    assert answer.headers["Location"] == page_of(request.public_id)
    assert (request.job_id, request.trigger) == (JOB, Trigger.RETRY)


def test_a_run_that_went_well_is_not_tried_again(app: Flask) -> None:
    run, admin = a_run(), an_admins_browser(app)
    assert f"{page_of(run)}/retry" not in admin.get(page_of(run)).text
    answer = press(admin, f"{page_of(run)}/retry", on="/operations/jobs")
    assert answer.headers["Location"] == page_of(run)
    assert "Only a run that failed" in admin.get(page_of(run)).text
    assert db.session.scalars(select(RunRequest)).all() == []


def test_a_run_in_progress_renews_itself_until_it_is_over(app: Flask) -> None:
    run = a_run(state=ExecutionState.RUNNING, done=3000, total=8200, counts={"links": 3000})
    admin = an_admins_browser(app)
    page = admin.get(page_of(run)).text
    assert "3,000 of 8,200" in page
    assert f'data-hx-get="{page_of(run)}"' in page
    region = admin.get(page_of(run), headers={"HX-Request": "true"}).text
    assert region.strip().startswith('<div id="run"')
    assert "<html" not in region


def test_a_run_is_stopped_once(app: Flask) -> None:
    run, admin = a_run(state=ExecutionState.RUNNING), an_admins_browser(app)
    assert press(admin, f"{page_of(run)}/stop", on=page_of(run)).status_code == 303
    assert db.session.scalars(select(JobExecution.is_stop_requested)).one()
    page = admin.get(page_of(run)).text
    assert "stopping" in page
    assert f"{page_of(run)}/stop" not in page


def test_an_ended_run_cannot_be_stopped(app: Flask) -> None:
    run, admin = a_run(), an_admins_browser(app)
    headers = JSON | {"X-CSRFToken": csrf_token(admin.get(RUNS).text)}
    answer = admin.post(f"{page_of(run)}/stop", headers=headers)
    assert answer.status_code == 409
    assert answer.get_json() == {"error": "This run has already ended; there is nothing to stop."}
    press(admin, f"{page_of(run)}/stop", on=RUNS)
    assert "nothing to stop" in admin.get(page_of(run)).text


@pytest.mark.parametrize("action", ["stop", "retry"])
def test_unknown_runs_are_neither_stopped_nor_tried_again(app: Flask, action: str) -> None:
    assert press(an_admins_browser(app), f"{RUNS}/none/{action}", on=RUNS).status_code == 404


def test_a_request_waits_then_tells_why_it_was_turned_down(app: Flask) -> None:
    admin, request = an_admins_browser(app), requests.ask(JOB)
    assert "No process leads the clock right now" in admin.get(page_of(request)).text
    a_ticking_clock()
    waiting = admin.get(page_of(request)).text
    assert "It begins within ten seconds" in waiting
    assert "data-hx-get" in waiting
    requests.refuse(request, "it was running already")
    refused = admin.get(page_of(request)).text
    assert "It was running already." in refused
    assert "data-hx-get" not in refused


def test_a_run_shows_under_the_address_of_its_request(app: Flask) -> None:
    request = requests.ask(JOB)
    a_run(public_id=request)
    assert "2 erased" in an_admins_browser(app).get(page_of(request)).text


def test_runs_are_chosen_by_job_and_state(app: Flask) -> None:
    purge, failed = a_run(), a_failed_run("deliver_letters")
    reminder = a_run("reminder_exchange_4_days_7")
    admin = an_admins_browser(app)

    def shown(query: str) -> set[str]:
        page = admin.get(f"{RUNS}?{query}").text
        return {run for run in (purge, failed, reminder) if f'href="{page_of(run)}"' in page}

    assert shown("") == shown("job=&state=") == shown("state=nonsense") == {purge, failed, reminder}
    assert shown(f"job={JOB}") == {purge}
    assert shown("state=failed") == {failed}
    assert shown("job=send_reminder_for_exchange") == {reminder}
    assert shown("job=reminder_exchange_4_days_7") == {reminder}
    assert shown("job=reminder_exchange_4_days_70") == set()
    assert "No such run" in admin.get(f"{RUNS}?state=abandoned").text


def test_jobs_of_earlier_versions_keep_their_history(app: Flask) -> None:
    run, admin = a_run("bake_cookies"), an_admins_browser(app)
    for path in (RUNS, page_of(run)):
        assert code("bake_cookies") in admin.get(path).text
    assert "/operations/jobs/bake_cookies" not in admin.get(RUNS).text


def test_long_histories_are_paged(app: Flask) -> None:
    for number in range(PAGE_SIZE + 1):
        a_run(started_at=now() - timedelta(minutes=number))
    admin = an_admins_browser(app)
    assert f"?job={JOB}&amp;state=&amp;page=2" in admin.get(f"{RUNS}?job={JOB}").text
    for asked, runs in (("1", PAGE_SIZE), ("2", 1), ("99", 1), ("-3", PAGE_SIZE), ("two", PAGE_SIZE)):
        assert len(admin.get(f"{RUNS}.json?page={asked}").get_json()["page"]["runs"]) == runs


def test_the_list_asks_the_database_as_often_for_many_runs_as_for_few(app: Flask) -> None:
    admin, asked = an_admins_browser(app), list[str]()
    admin.get(RUNS)
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for number in (1, 30):
        for _ in range(number):
            a_run()
        asked.clear()
        admin.get(RUNS)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 8


def test_a_program_reads_state_counts_and_log(app: Flask) -> None:
    run, admin = a_failed_run(log="a line"), an_admins_browser(app)
    answer = admin.get(f"{page_of(run)}.json").get_json()
    assert answer == admin.get(page_of(run), headers=JSON).get_json()
    assert answer["asked"] is None
    assert answer["execution"]["log"] == "a line"
    assert answer["execution"]["run"]["state"] == "failed"
    assert answer["execution"]["run"]["error"] == "ValueError: no such cookie"


def test_a_failed_run_says_in_words_what_went_wrong_and_keeps_the_error(app: Flask) -> None:
    raw = "OperationalError: (sqlite3.OperationalError) database is locked"
    run, given_up = a_failed_run(error=raw, traceback=""), a_failed_run(error="its process went away 3 times")
    admin = an_admins_browser(app, locale="de")
    page = admin.get(page_of(run)).text
    assert "<p>Die Datenbank war zu lange beschäftigt." in page
    assert f'<pre tabindex="0">{raw}</pre>' in page
    assert "Traceback: line 12</pre>" in admin.get(page_of(given_up)).text
    runs_page = admin.get(RUNS).text
    assert "Die Datenbank war zu lange beschäftigt." in runs_page
    assert "Sein Prozess verschwand 3 Mal" in runs_page
