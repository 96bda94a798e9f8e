"""An organizer's own account."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sneaky.access import organizers
from tests.web.signing_in import press, sign_in_organizer
from tests.web.test_signin_doors import signed_in_as

PASSWORD, OTHER = "correct horse", "battery staple"


@pytest.fixture
def olga(client: FlaskClient) -> int:
    """An organizer, signed in."""
    organizer_id = organizers.create("Olga", "olga@example.org", PASSWORD)
    sign_in_organizer(client, organizer_id)
    return organizer_id


def test_the_account_shows_and_keeps_what_one_chose(client: FlaskClient, olga: int) -> None:
    assert "olga@example.org" in client.get("/account").text
    answer = press(client, "/account", name="Olga O.", locale="de", zone="Asia/Tokyo")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    profile = organizers.profile(olga)
    assert (profile.name, profile.locale, profile.zone) == ("Olga O.", "de", "Asia/Tokyo")
    page = client.get("/account").text
    assert 'value="Olga O."' in page
    assert '<option selected value="Asia/Tokyo">' in page
    press(client, "/account", name="Olga", locale="", zone="")
    profile = organizers.profile(olga)
    assert (profile.locale, profile.zone) == (None, None)


@pytest.mark.parametrize(
    "typed", [{"name": ""}, {"name": "x" * 121}, {"zone": "Mars/Olympus"}, {"locale": "fr"}]
)
def test_bad_input_changes_nothing(client: FlaskClient, olga: int, typed: dict[str, str]) -> None:
    before = organizers.profile(olga)
    answer = press(client, "/account", **{"name": "Otto", "locale": "de", "zone": "Asia/Tokyo"} | typed)
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    assert organizers.profile(olga) == before


def test_a_new_password_leaves_only_this_device_signed_in(app: Flask, client: FlaskClient, olga: int) -> None:
    other = app.test_client()
    sign_in_organizer(other, olga)
    answer = press(client, "/account/password", old_password=PASSWORD, password=OTHER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert signed_in_as(client) == "olga@example.org"
    assert signed_in_as(other) is None
    assert organizers.sign_in("olga@example.org", OTHER, ip="") == olga


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"old_password": "wrong horse!"}, "not your present password"),
        ({"old_password": ""}, "needed"),
        ({"password": "short"}, "at least 10"),
        ({"password": ""}, "needed"),
    ],
)
def test_a_refused_password_leaves_the_old_one(
    client: FlaskClient, olga: int, typed: dict[str, str], error: str
) -> None:
    answer = press(client, "/account/password", **{"old_password": PASSWORD, "password": OTHER} | typed)
    assert answer.status_code == 422
    assert error in answer.text
    assert signed_in_as(client) == "olga@example.org"
    assert organizers.sign_in("olga@example.org", PASSWORD, ip="") == olga


@pytest.mark.parametrize("path", ["/account", "/account/password"])
def test_it_is_for_organizers(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Location"] == f"/sign-in?next={path}"


def test_every_device_can_be_signed_out_from_here(app: Flask, client: FlaskClient, olga: int) -> None:
    other = app.test_client()
    sign_in_organizer(other, olga)
    assert 'name="everywhere"' in client.get("/account").text
    press(client, "/sign-out", on="/account", everywhere="yes")
    assert signed_in_as(client) is None
    assert signed_in_as(other) is None
