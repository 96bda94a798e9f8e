"""Which language a page speaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_babel import get_locale

from sneaky.models import TokenPurpose
from sneaky.web import locales
from tests.access.linking import a_link
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import press, sign_in_organizer, sign_in_participant


def language_of(client: FlaskClient, accepted: str = "", path: str = "/privacy") -> str:
    page = client.get(path, headers={"Accept-Language": accepted}).text
    return page.split('<html lang="', 1)[1].split('"', 1)[0]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("fr,de;q=0.8,en;q=0.5", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=broken, ;;", "en"),
    ],
)
def test_a_visitor_reads_what_the_browser_prefers(client: FlaskClient, accepted: str, language: str) -> None:
    assert language_of(client, accepted) == language


def test_the_default_is_for_browsers_that_name_none_we_know(app_with: Callable[..., Flask]) -> None:
    client = app_with(default_locale="de").test_client()
    assert language_of(client, "fr") == "de"
    assert language_of(client, "en") == "en"


def test_a_person_reads_what_they_chose(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer(locale="de"))
    assert language_of(client, "en") == "de"


def test_what_a_participant_chose_comes_before_what_the_organizer_did(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer(locale="en"))
    sign_in_participant(client, a_participant(an_exchange(), locale="de"))
    assert language_of(client, "en") == "de"


def test_who_chose_none_reads_what_the_browser_prefers(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    assert language_of(client, "de") == "de"


def test_the_buttons_below_choose_for_this_browser(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer(locale="en"))
    answer = press(client, "/language", on="/privacy", language="de")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert language_of(client, "en") == "de"
    press(client, "/language", on="/privacy", language="en")
    assert language_of(client, "de") == "en"


def test_what_was_chosen_below_lasts_through_signing_in_and_out(client: FlaskClient) -> None:
    ann = a_participant(an_exchange())
    press(client, "/language", on="/privacy", language="de")
    press(client, f"/m/{a_link(ann, TokenPurpose.SIGN_IN)}")
    assert language_of(client, "en", "/me") == "de"
    press(client, "/sign-out", on="/me")
    assert language_of(client, "en") == "de"


@pytest.mark.parametrize(("saved", "spoken"), [("de", "de"), ("", "en")])
@pytest.mark.parametrize("page", ["/me/preferences", "/account"])
def test_a_language_that_is_saved_comes_before_what_was_chosen_below(
    client: FlaskClient, page: str, saved: str, spoken: str
) -> None:
    if page == "/account":
        sign_in_organizer(client, an_organizer(locale="de"))
    else:
        sign_in_participant(client, a_participant(an_exchange(), locale="de"))
    press(client, "/language", on="/privacy", language="de" if spoken == "en" else "en")
    press(client, page, name="Olga", locale=saved, zone="")
    assert language_of(client, "en") == spoken


def test_saving_something_else_leaves_the_chosen_language(client: FlaskClient) -> None:
    sign_in_participant(client, a_participant(an_exchange()))
    press(client, "/language", on="/privacy", language="de")
    press(client, "/me/preferences", locale="", zone="Europe/Vienna")
    assert language_of(client, "en") == "de"


@pytest.mark.parametrize("language", ["fr", "", "../../etc", "de_DE"])
def test_a_language_we_do_not_speak_changes_nothing(client: FlaskClient, language: str) -> None:
    assert press(client, "/language", on="/privacy", language=language).status_code == 303
    assert language_of(client, "de") == "de"


def test_an_error_page_asks_only_the_browser(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer(locale="de"))
    assert language_of(client, "en", path="/nowhere") == "en"
    assert language_of(client, "de", path="/nowhere") == "de"


def test_outside_of_a_request_the_default_is_spoken(app_with: Callable[..., Flask]) -> None:
    app_with(default_locale="de")
    assert str(locales.select()) == "de"
    assert render_template_string("{{ nav_items is defined }}") == "False"
    assert str(get_locale()) == "de"
