"""Somebody who confirms after the draw: told so, shown to the organizer, let in or turned down."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sneaky.exchanges import lifecycle
from sneaky.models import ParticipantState, TokenPurpose
from tests.access.linking import a_link
from tests.access.looking import state_of
from tests.factories import a_participant, an_exchange
from tests.web.exchanging import drawn, organized, path_of, person_id, recipients
from tests.web.signing_in import csrf_token, press

NAME = "Lena, the late"


@pytest.fixture
def late(app: Flask, client: FlaskClient) -> tuple[int, int, FlaskClient]:
    """A drawn exchange whose organizer uses `client`, somebody who joined before, and their browser."""
    exchange_id, _people = drawn(client)
    lena = a_participant(
        exchange_id,
        name=NAME,
        email="lena@example.org",
        state=ParticipantState.PENDING,
        confirmed_at=None,
    )
    return exchange_id, lena, app.test_client()


def confirm(browser: FlaskClient, participant_id: int) -> None:
    press(browser, f"/m/{a_link(participant_id, TokenPurpose.CONFIRM_REGISTRATION)}")


def test_the_person_is_told_that_the_organizer_decides(late: tuple[int, int, FlaskClient]) -> None:
    _exchange_id, lena, browser = late
    confirm(browser, lena)
    page = browser.get("/me").text
    assert "were drawn before that" in page
    assert "decides whether you can still take part" in page
    assert "You have left" not in page


def test_whatever_link_they_come_by_their_address_is_right(late: tuple[int, int, FlaskClient]) -> None:
    _exchange_id, lena, browser = late
    press(browser, f"/m/{a_link(lena, TokenPurpose.SIGN_IN)}")
    assert "were drawn before that" in browser.get("/me").text


def test_before_the_draw_whoever_has_not_confirmed_is_told_how(client: FlaskClient) -> None:
    ann = a_participant(an_exchange(), state=ParticipantState.PENDING, confirmed_at=None)
    press(client, f"/m/{a_link(ann, TokenPurpose.SIGN_IN)}")
    assert "You are almost in" in client.get("/me").text
    assert state_of(ann) is ParticipantState.PENDING


def test_who_never_came_in_is_not_told_that_they_left(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, state=ParticipantState.PENDING, confirmed_at=None)
    lifecycle.cancel(exchange_id)
    press(client, f"/m/{a_link(ann, TokenPurpose.SIGN_IN)}")
    page = client.get("/me").text
    assert "Your address was not confirmed" in page
    assert "You have left" not in page


def test_whom_the_organizer_took_out_before_the_draw_confirms_nothing(
    client: FlaskClient, app: Flask
) -> None:
    exchange_id = organized(client)
    ann = a_participant(exchange_id, state=ParticipantState.PENDING, confirmed_at=None)
    link = f"/m/{a_link(ann, TokenPurpose.CONFIRM_REGISTRATION)}"
    person = path_of(exchange_id, f"participants/{person_id(ann)}")
    press(client, f"{person}/withdraw", on=person)
    answer = app.test_client().get(link)
    assert answer.status_code == 410
    assert "you take part" not in answer.text


def test_the_organizer_lets_them_in_with_one_press_more(
    client: FlaskClient, late: tuple[int, int, FlaskClient]
) -> None:
    exchange_id, lena, browser = late
    assert "confirmed after the names were drawn" not in client.get(path_of(exchange_id)).text
    confirm(browser, lena)
    assert f"{NAME} confirmed after the names were drawn" in client.get(path_of(exchange_id)).text
    address = path_of(exchange_id, "repair")
    offered = client.get(f"{address}?joins={person_id(lena)}").text
    line = f'"{NAME}",lena@example.org'
    assert line.replace('"', "&#34;") in offered
    client.post(address, data={"csrf_token": csrf_token(offered), "joining": line, "is_sure": "y"})
    assert state_of(lena) is ParticipantState.ACTIVE
    assert lena in recipients(exchange_id)
    assert "confirmed after the names were drawn" not in client.get(path_of(exchange_id)).text


def test_once_the_draw_is_undone_they_are_not_late_any_more(
    client: FlaskClient, late: tuple[int, int, FlaskClient]
) -> None:
    exchange_id, lena, browser = late
    other = a_participant(exchange_id, state=ParticipantState.PENDING, confirmed_at=None)
    confirm(browser, lena)
    press(client, path_of(exchange_id, "draw/undo"), on=path_of(exchange_id))
    assert f"You are in, {NAME}" in browser.get("/me").text
    press(client, path_of(exchange_id, "draw"), anyway="y")
    assert lena in recipients(exchange_id)
    assert state_of(other) is ParticipantState.PENDING


def test_the_organizer_turns_them_down(client: FlaskClient, late: tuple[int, int, FlaskClient]) -> None:
    exchange_id, lena, browser = late
    confirm(browser, lena)
    before = recipients(exchange_id)
    press(client, path_of(exchange_id, f"participants/{person_id(lena)}/withdraw"), on=path_of(exchange_id))
    assert state_of(lena) is ParticipantState.WITHDRAWN
    assert recipients(exchange_id) == before


def test_their_own_page_says_why_they_are_not_in_the_draw(
    client: FlaskClient, late: tuple[int, int, FlaskClient]
) -> None:
    exchange_id, lena, browser = late
    confirm(browser, lena)
    person = path_of(exchange_id, f"participants/{person_id(lena)}")
    page = client.get(person).text
    assert "drawn before they confirmed" in page
    assert "leaves=" not in page
    press(client, f"{person}/withdraw", on=person)
    assert state_of(lena) is ParticipantState.WITHDRAWN


def test_whoever_is_in_the_draw_is_not_turned_down(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    press(
        client, path_of(exchange_id, f"participants/{person_id(people[0])}/withdraw"), on=path_of(exchange_id)
    )
    assert state_of(people[0]) is ParticipantState.ACTIVE


def test_the_form_offers_nobody_of_another_exchange(
    client: FlaskClient, late: tuple[int, int, FlaskClient]
) -> None:
    _exchange_id, lena, browser = late
    confirm(browser, lena)
    other, _people = drawn(client)
    assert "lena@" not in client.get(f"{path_of(other, 'repair')}?joins={person_id(lena)}").text


def test_participants_sign_out_everywhere(app: Flask, late: tuple[int, int, FlaskClient]) -> None:
    _exchange_id, lena, browser = late
    elsewhere = app.test_client()
    confirm(browser, lena)
    press(elsewhere, f"/m/{a_link(lena, TokenPurpose.SIGN_IN)}")
    page = browser.get("/me").text
    assert "Sign out everywhere" in page
    browser.post("/sign-out", data={"csrf_token": csrf_token(page), "everywhere": "yes"})
    for client in (browser, elsewhere):
        assert client.get("/me").headers["Location"] == "/find"
