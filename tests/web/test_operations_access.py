"""The operations pages are there for admins; to everybody else all of them look like absent ones."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.routing import Rule

from sneaky.core.db import db
from sneaky.models import JobOverride, Letter, LetterState, RunRequest
from tests.clock_factories import JOB, a_letter, a_run
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.admin import an_admins_browser
from tests.web.signing_in import csrf_token, sign_in_organizer, sign_in_participant

ABSENT = "/operations/no/such/page"


def stranger(app: Flask, who: str) -> FlaskClient:
    client = app.test_client()
    if who == "organizer":
        sign_in_organizer(client, an_organizer())
    elif who == "participant":
        sign_in_participant(client, a_participant(an_exchange()))
    return client


def pages(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/operations")]


def path_of(rule: Rule, public_id: str) -> str:
    known = {"job_id": JOB, "public_id": public_id, "kind": "match", "_anywhere": "no/such/page"}
    built = rule.build({name: known[name] for name in rule.arguments})
    assert built is not None
    return built[1]


def answer_of(client: FlaskClient, path: str, method: str) -> tuple[int, str, str]:
    """Status, place and text of an answer, without the address that was asked for."""
    token = csrf_token(client.get("/sign-in", follow_redirects=True).text)
    answer = client.open(path, method=method, data={"csrf_token": token} if method == "POST" else None)
    return (
        answer.status_code,
        answer.headers.get("Location", "").partition("?")[0],
        answer.text.replace(path, ""),
    )


@pytest.mark.parametrize("who", ["visitor", "participant", "organizer"])
def test_strangers_cannot_tell_a_page_from_an_absent_one(app: Flask, who: str) -> None:
    run, letter = a_run(), a_letter(LetterState.DEAD)
    client = stranger(app, who)
    absent = {method: answer_of(client, ABSENT, method) for method in ("GET", "POST")}
    assert {status for status, _place, _text in absent.values()} <= {303, 404}
    assert len(pages(app)) > 25
    for rule in pages(app):
        for method in (rule.methods or set()) & {"GET", "POST"}:
            status, place, text = answer_of(client, path_of(rule, run), method)
            assert (status, place) == absent[method][:2], rule
            assert status == 303 or text == absent[method][2], rule
    assert db.session.get_one(Letter, letter).state is LetterState.DEAD
    for table in (RunRequest, JobOverride):
        assert db.session.scalar(select(func.count()).select_from(table)) == 0


def test_who_is_not_signed_in_comes_back_after_the_door(client: FlaskClient) -> None:
    answer = client.get("/operations/jobs")
    assert answer.headers["Location"] == "/sign-in?next=/operations/jobs"


def test_the_admin_finds_the_way_in_and_absent_pages_absent(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert 'href="/operations/jobs"' in admin.get("/exchanges").text
    assert admin.get("/operations").headers["Location"] == "/operations/jobs"
    for path in (ABSENT, "/operations/jobs/none", "/operations/executions/none", "/operations/letters/none"):
        assert admin.get(path).status_code == 404


def test_no_form_works_without_its_token(app: Flask) -> None:
    admin, run = an_admins_browser(app), a_run()
    for rule in pages(app):
        if "POST" in (rule.methods or set()):
            assert admin.post(path_of(rule, run)).status_code == 400, rule


def test_every_page_opens_on_an_empty_instance_and_in_each_language(app: Flask) -> None:
    admin = an_admins_browser(app)
    run = a_run()
    for rule in pages(app):
        if "GET" in (rule.methods or set()) and rule.endpoint not in {
            "operations.nowhere",
            "operations.entrance",
        }:
            for language in ("en", "de"):
                answer = admin.get(path_of(rule, run), headers={"Accept-Language": language})
                assert answer.status_code == 200, rule
