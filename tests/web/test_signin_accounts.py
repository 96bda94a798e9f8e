"""Becoming an organizer, and choosing a new password: each by a letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from sneaky.access import organizers
from sneaky.models import LetterKind, Organizer
from tests.access.looking import letters, only_letter, token_in
from tests.web.signing_in import csrf_token, press, sign_in_organizer
from tests.web.test_signin_doors import count, signed_in_as

PASSWORD, OTHER = "correct horse", "battery staple"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def olga(app: Flask) -> int:
    """An admin with a password."""
    return organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)


@pytest.fixture
def open_client(app_with: Callable[..., Flask]) -> FlaskClient:
    """A browser at an instance where anybody may become an organizer."""
    return app_with(signup="open").test_client()


def test_asking_for_a_new_password_answers_alike(app: Flask, olga: int) -> None:
    answers = [press(app.test_client(), "/forgot", email=f"{name}@example.org") for name in ("olga", "otto")]
    assert [(answer.status_code, answer.headers["Location"], answer.text) for answer in answers] == [
        (303, "/letter-sent", answers[0].text)
    ] * 2
    only_letter(LetterKind.PASSWORD_RESET)


def test_the_letters_link_leads_to_a_new_password(app: Flask, client: FlaskClient, olga: int) -> None:
    press(app.test_client(), "/forgot", email="olga@example.org")
    path = f"/reset/{token_in(only_letter(LetterKind.PASSWORD_RESET))}"
    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 200, "looking uses nothing up"
    answer = press(client, path, password=OTHER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/exchanges")
    assert signed_in_as(client) == "olga@example.org"
    assert client.get(path).status_code == 404
    assert organizers.sign_in("olga@example.org", OTHER, ip="") == olga


@pytest.mark.parametrize(
    ("password", "error"), [("", "needed"), ("short", "at least 10"), ("olga@example.org", "guess")]
)
def test_a_poor_new_password_comes_back(client: FlaskClient, olga: int, password: str, error: str) -> None:
    organizers.request_password_reset("olga@example.org", ip="")
    answer = press(client, f"/reset/{token_in(only_letter(LetterKind.PASSWORD_RESET))}", password=password)
    assert answer.status_code == 422
    assert error in answer.text
    assert signed_in_as(client) is None


def test_an_invitation_makes_an_account(client: FlaskClient, olga: int) -> None:
    organizers.invite(olga, "otto@example.org")
    path = f"/invitation/{token_in(only_letter(LetterKind.ORGANIZER_INVITATION))}"
    assert "otto@example.org" in client.get(path).text
    answer = press(client, path, name="Otto", password=OTHER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/exchanges/new")
    assert signed_in_as(client) == "otto@example.org"
    assert client.get(path).status_code == 404


def test_password_managers_learn_whose_password_it_is(client: FlaskClient, olga: int) -> None:
    """Else they take the nearest text for it, such as the name, and offer that at the next sign-in."""
    organizers.invite(olga, "otto@example.org")
    invitation = f"/invitation/{token_in(only_letter(LetterKind.ORGANIZER_INVITATION))}"
    organizers.request_password_reset("olga@example.org", ip="")
    reset = f"/reset/{token_in(letters(LetterKind.PASSWORD_RESET)[0])}"
    sign_in_organizer(client, olga)
    owners = {
        invitation: "otto@example.org",
        reset: "olga@example.org",
        "/account/password": "olga@example.org",
    }
    for path, email in owners.items():
        assert f'<input type="email" value="{email}" autocomplete="username"' in client.get(path).text


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"name": ""}, "needed"),
        ({"password": "short"}, "at least 10"),
        ({"password": "otto the great"}, "guess"),
    ],
)
def test_bad_input_leaves_the_invitation_open(
    client: FlaskClient, olga: int, typed: dict[str, str], error: str
) -> None:
    organizers.invite(olga, "otto@example.org")
    path = f"/invitation/{token_in(only_letter(LetterKind.ORGANIZER_INVITATION))}"
    sent = {"name": "Otto the Great", "password": OTHER} | typed
    answer = press(client, path, **sent)
    assert answer.status_code == 422
    assert error in answer.text
    assert f'value="{sent["name"]}"' in answer.text
    assert count(Organizer) == 1
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/reset/made-up", "/invitation/made-up", "/setup/made-up"])
def test_a_made_up_link_leads_nowhere(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
    typed = {"name": "Eve", "email": "eve@example.org", "password": OTHER}
    token = csrf_token(client.get("/sign-in").text)
    assert client.post(path, data={"csrf_token": token, **typed}).status_code == 404


def test_an_old_link_for_a_new_password_brings_another_one(client: FlaskClient, olga: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        organizers.request_password_reset("olga@example.org", ip="")
        path = f"/reset/{token_in(only_letter(LetterKind.PASSWORD_RESET))}"
        clock.shift(timedelta(hours=1))
        page = client.get(path)
        assert page.status_code == 404
        assert page.text.replace(path, "") == client.get("/reset/made-up").text.replace("/reset/made-up", "")
        assert 'action="/forgot"' in page.text
        answers = [
            client.post("/forgot", data={"csrf_token": csrf_token(page.text), "email": email})
            for email in ("olga@example.org", "nobody@example.org")
        ]
        assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [
            (303, "/letter-sent")
        ] * 2
        fresh = token_in(letters()[-1])
        assert press(client, f"/reset/{fresh}", password=OTHER).headers["Location"] == "/exchanges"
        used = client.get(f"/reset/{fresh}")
        assert (used.status_code, 'action="/forgot"' in used.text) == (404, True)


def test_what_is_typed_into_an_old_link_goes_nowhere(app: Flask, client: FlaskClient, olga: int) -> None:
    organizers.request_password_reset("olga@example.org", ip="")
    path = f"/reset/{token_in(only_letter(LetterKind.PASSWORD_RESET))}"
    token = csrf_token(client.get(path).text)
    organizers.set_password(olga, "cinnamon and cloves")
    answer = client.post(path, data={"csrf_token": token, "password": OTHER})
    assert (answer.status_code, 'action="/forgot"' in answer.text) == (404, True)
    assert OTHER not in answer.text
    assert organizers.sign_in("olga@example.org", "cinnamon and cloves", ip="") == olga


def test_an_old_invitation_tells_whom_to_ask(client: FlaskClient, olga: int) -> None:
    organizers.invite(olga, "otto@example.org")
    path = f"/invitation/{token_in(only_letter(LetterKind.ORGANIZER_INVITATION))}"
    press(client, path, name="Otto", password=OTHER)
    page = client.get(path)
    assert page.status_code == 404
    assert "Ask whoever invited you" in page.text
    assert {'href="/sign-in"', 'href="/forgot"'} <= set(re.findall(r'href="/[a-z-]+"', page.text))
    assert 'type="email"' not in page.text


def test_an_old_invitation_is_renewed_where_anybody_may_sign_up(open_client: FlaskClient) -> None:
    page = open_client.get("/invitation/made-up").text
    assert 'action="/sign-up"' in page
    typed = {"csrf_token": csrf_token(page), "email": "otto@example.org"}
    assert open_client.post("/sign-up", data=typed).headers["Location"] == "/letter-sent"
    path = f"/invitation/{token_in(only_letter(LetterKind.ORGANIZER_INVITATION))}"
    assert press(open_client, path, name="Otto", password=OTHER).headers["Location"] == "/exchanges/new"


@pytest.mark.parametrize("path", ["/forgot", "/sign-up"])
@pytest.mark.parametrize(
    ("email", "error"), [("", "needed"), ("nonsense", "no mail address"), ("x" * 255, "At most 254")]
)
def test_an_address_that_is_none_comes_back(
    open_client: FlaskClient, path: str, email: str, error: str
) -> None:
    answer = press(open_client, path, email=email)
    assert answer.status_code == 422
    assert error in answer.text
    assert f'value="{email}"' in answer.text
    assert letters() == []


def test_sign_up_is_there_only_where_it_is_open(client: FlaskClient) -> None:
    assert client.get("/sign-up").status_code == 404
    assert "/sign-up" not in client.get("/").text


def test_open_sign_up_answers_alike(open_client: FlaskClient) -> None:
    organizers.create("Olga", "olga@example.org", PASSWORD)
    assert "/sign-up" in open_client.get("/").text
    answers = [press(open_client, "/sign-up", email=f"{name}@example.org") for name in ("olga", "otto")]
    assert {(answer.status_code, answer.headers["Location"]) for answer in answers} == {(303, "/letter-sent")}
    assert [letter.kind for letter in letters()] == [
        LetterKind.PASSWORD_RESET,
        LetterKind.ORGANIZER_INVITATION,
    ]
    assert "arrives in a moment" in open_client.get("/letter-sent").text
