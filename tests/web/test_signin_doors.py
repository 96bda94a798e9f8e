"""Organizers sign in and out; the first one sets the instance up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sneaky.access import organizers, sessions
from sneaky.core.db import db
from sneaky.models import Organizer, SessionRow
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import csrf_token, press, sign_in_organizer, sign_in_participant

PASSWORD = "correct horse"
WELL = {"name": "Olga", "email": "olga@example.org", "password": PASSWORD}


def setup_path() -> str:
    link = organizers.setup_link()
    assert link is not None
    return link.removeprefix("http://localhost")


def count(table: type[Organizer | SessionRow]) -> int:
    return db.session.scalars(select(func.count()).select_from(table)).one()


def signed_in_as(client: FlaskClient) -> str | None:
    """The mail address of the organizer whose session the browser holds."""
    cookie = client.get_cookie("sneaky")
    found = sessions.load(cookie.value) if cookie else None
    return found.organizer.email if found and found.organizer else None


# set-up


def test_the_first_one_sets_up_and_is_signed_in(client: FlaskClient, app: Flask) -> None:
    answer = press(client, setup_path(), **WELL)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/exchanges/new")
    assert signed_in_as(client) == "olga@example.org"
    assert organizers.profile(1).is_admin


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"name": " "}, "This is needed."),
        ({"name": "x" * 121}, "At most 120"),
        ({"email": ""}, "This is needed."),
        ({"email": "olga at example"}, "no mail address"),
        ({"email": "x" * 255}, "At most 254"),
        ({"password": ""}, "This is needed."),
        ({"password": "short"}, "at least 10"),
        ({"password": "password123"}, "guess"),
        ({"password": "x" * 201}, "At most 200"),
        ({"name": "<script>alert(1)</script>", "password": "short"}, "at least 10"),
    ],
)
def test_bad_input_comes_back_beside_its_field(
    client: FlaskClient, typed: dict[str, str], error: str
) -> None:
    sent = WELL | typed
    answer = press(client, setup_path(), **sent)
    assert answer.status_code == 422
    assert error in answer.text
    assert 'class="error"' in answer.text
    assert "<script>alert" not in answer.text
    assert PASSWORD not in answer.text
    for field in ("name", "email"):
        kept = sent[field].strip().replace("<", "&lt;").replace(">", "&gt;")
        assert f'value="{kept}"' in answer.text
    assert count(Organizer) == 0
    assert signed_in_as(client) is None


def test_everything_that_is_wrong_is_told_at_once(client: FlaskClient) -> None:
    page = press(client, setup_path(), name="", email="olga", password="short").text
    assert page.count('class="error"') == 3
    assert "3 things need another look" in page


def test_set_up_is_closed_afterwards_and_for_strangers(client: FlaskClient, app: Flask) -> None:
    path = setup_path()
    assert client.get("/setup/made-up").status_code == 404
    token = csrf_token(client.get("/sign-in").text)
    press(client, path, **WELL)
    assert client.get(path).status_code == 404
    stranger = app.test_client()
    token = csrf_token(stranger.get("/sign-in").text)
    assert stranger.post(path, data=WELL | {"csrf_token": token}).status_code == 404
    assert count(Organizer) == 1


def test_parallel_set_ups_make_one_admin_and_one_session(any_app: Flask) -> None:
    path = setup_path()

    def set_up(number: int) -> int:
        return press(any_app.test_client(), path, **WELL | {"email": f"olga{number}@example.org"}).status_code

    def try_to(number: int) -> int:
        try:
            return set_up(number)
        except ValueError:  # the page has no form any more
            return 404

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(try_to, range(16)))
    assert sorted(set(statuses)) == [303, 404]
    assert statuses.count(303) == 1
    assert (count(Organizer), count(SessionRow)) == (1, 1)


# sign in


@pytest.fixture
def olga(app: Flask) -> int:
    """An organizer with a password."""
    return organizers.create("Olga", "olga@example.org", PASSWORD)


def test_who_signs_in_sees_the_exchanges(client: FlaskClient, olga: int) -> None:
    before = client.get_cookie("sneaky")
    answer = press(client, "/sign-in", email=" Olga@Example.org", password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/exchanges")
    assert signed_in_as(client) == "olga@example.org"
    assert client.get_cookie("sneaky") != before


def test_a_wrong_password_and_an_unknown_address_answer_alike(app: Flask, olga: int) -> None:
    answers = [
        press(app.test_client(), "/sign-in", email=email, password="wrong horse!")
        for email in ("olga@example.org", "otto@example.org")
    ]
    bodies = []
    for answer, email in zip(answers, ("olga@example.org", "otto@example.org"), strict=True):
        body = answer.text.replace(email, "…")
        bodies.append(body.replace(csrf_token(body), "…"))
    assert bodies[0] == bodies[1]
    assert "do not go together" in bodies[0]
    assert {answer.status_code for answer in answers} == {422}
    headers = [dict(answer.headers) for answer in answers]
    for each in headers:
        each.pop("Content-Length")
    assert headers[0] == headers[1]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"email": ""}, "This is needed."),
        ({"email": "nonsense"}, "no mail address"),
        ({"password": ""}, "This is needed."),
        ({"password": "x" * 201}, "At most 200"),
    ],
)
def test_bad_input_signs_nobody_in(client: FlaskClient, olga: int, typed: dict[str, str], error: str) -> None:
    sent = {"email": "olga@example.org", "password": PASSWORD} | typed
    answer = press(client, "/sign-in", **sent)
    assert answer.status_code == 422
    assert error in answer.text
    assert f'value="{sent["email"]}"' in answer.text
    assert "x" * 201 not in answer.text
    assert signed_in_as(client) is None


def test_too_many_tries_wait(client: FlaskClient, olga: int) -> None:
    for _ in range(10):
        press(client, "/sign-in", email="olga@example.org", password="wrong horse!")
    answer = press(client, "/sign-in", email="olga@example.org", password=PASSWORD)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    assert "a lot of tries" in answer.text
    assert 'value="olga@example.org"' in answer.text
    assert PASSWORD not in answer.text
    assert signed_in_as(client) is None


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("/exchanges/new", "/exchanges/new"),
        ("/exchanges?page=2", "/exchanges?page=2"),
        ("https://evil.example/", "/exchanges"),
        ("//evil.example", "/exchanges"),
        ("/nowhere", "/exchanges"),
    ],
)
def test_the_wanted_page_follows_if_it_is_ours(
    client: FlaskClient, olga: int, wanted: str, shown: str
) -> None:
    path = f"/sign-in?next={wanted.replace('?', '%3F')}"
    answer = press(client, path, email="olga@example.org", password=PASSWORD)
    assert answer.headers["Location"] == shown
    assert client.get(path).headers["Location"] == shown, "also for who is signed in already"


# sign out


def test_signing_out_ends_this_session_only(app: Flask, client: FlaskClient, olga: int) -> None:
    other = app.test_client()
    sign_in_organizer(other, olga)
    sign_in_organizer(client, olga)
    answer = press(client, "/sign-out", on="/privacy")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "You are signed out." in client.get("/").text
    assert signed_in_as(client) is None
    assert signed_in_as(other) == "olga@example.org"


def test_signing_out_everywhere_ends_them_all(app: Flask, client: FlaskClient, olga: int) -> None:
    ann = a_participant(an_exchange(olga))
    for each in (app.test_client(), app.test_client()):
        sign_in_organizer(each, olga)
    sign_in_participant(app.test_client(), ann)
    sign_in_organizer(app.test_client(), an_organizer())
    sign_in_organizer(client, olga)
    sign_in_participant(client, ann)
    press(client, "/sign-out", on="/privacy", everywhere="yes")
    assert count(SessionRow) == 1


def test_a_visitor_may_press_it_too(client: FlaskClient) -> None:
    assert press(client, "/sign-out", on="/sign-in", everywhere="yes").status_code == 303


def test_a_link_signs_nobody_out(client: FlaskClient, olga: int) -> None:
    sign_in_organizer(client, olga)
    assert client.get("/sign-out").status_code == 405
    assert signed_in_as(client) == "olga@example.org"
