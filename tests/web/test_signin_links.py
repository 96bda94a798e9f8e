"""Participants come in by the link of a letter, or by its code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from sneaky.access import sessions
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import conduct, repair, reveal
from sneaky.exchanges import completion, lifecycle
from sneaky.models import LetterKind, ParticipantState, SessionRow, TokenPurpose
from sneaky.outbox import links
from tests.access.looking import code_in, letters, only_letter, state_of, token_in
from tests.factories import a_participant, an_exchange, participants
from tests.web.signing_in import csrf_token, press, sign_in_participant

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def ann(app: Flask) -> int:
    """Somebody who takes part."""
    return a_participant(an_exchange(name="Family Christmas"), name="Ann", email="ann@example.org")


def link_of(participant_id: int, purpose: TokenPurpose = TokenPurpose.SIGN_IN, minutes: int = 15) -> str:
    with transaction():
        return (
            "/m/"
            + links.mint(purpose, lifetime=timedelta(minutes=minutes), participant_id=participant_id).token
        )


def signed_in_as(client: FlaskClient) -> int | None:
    """The participant whose session the browser holds."""
    cookie = client.get_cookie("sneaky")
    found = sessions.load(cookie.value) if cookie else None
    return found.participant.id if found and found.participant else None


def test_looking_shows_a_button_and_uses_nothing_up(client: FlaskClient, ann: int) -> None:
    path = link_of(ann)
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        assert client.open(path, method=method).status_code == 200
    page = client.get(path).text
    assert "Hello Ann" in page
    assert "Family Christmas" in page
    assert f'action="{path}"' in page
    assert "ann@example.org" not in page
    assert signed_in_as(client) is None
    answer = press(client, path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
    assert signed_in_as(client) == ann


def test_no_script_presses_the_button(client: FlaskClient, ann: int) -> None:
    page = client.get(link_of(ann)).text
    for forbidden in ("onload", "submit()", 'http-equiv="refresh"'):
        assert forbidden not in page


def test_the_address_after_pressing_holds_no_token(client: FlaskClient, ann: int) -> None:
    path = link_of(ann)
    answer = press(client, path)
    token = path.removeprefix("/m/")
    assert token not in str(answer.headers)
    assert token not in answer.text


def test_twenty_parallel_presses_begin_one_session(any_app: Flask) -> None:
    path = link_of(a_participant(an_exchange()))
    browsers = [any_app.test_client() for _ in range(20)]
    tokens = [csrf_token(browser.get(path).text) for browser in browsers]

    def use(number: int) -> int:
        return browsers[number].post(path, data={"csrf_token": tokens[number]}).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(use, range(20)))
    assert statuses == [303] + [410] * 19
    assert db.session.scalars(select(func.count()).select_from(SessionRow)).one() == 1


def test_a_used_link_offers_a_fresh_one_to_the_same_address(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    path = link_of(ann)
    press(client, path)
    other = app.test_client()
    page = other.get(path)
    assert page.status_code == 410
    assert "used already" in page.text
    answer = press(other, f"{path}/fresh", on=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/letter-sent")
    letter = only_letter(LetterKind.MAGIC_LINK)
    assert letter.to_email == "ann@example.org"
    press(other, f"/m/{token_in(letter)}")
    assert signed_in_as(other) == ann


def test_an_old_link_offers_a_fresh_one_too(client: FlaskClient, ann: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        path = link_of(ann)
        clock.shift(15 * 60)
        assert client.get(path).status_code == 410
        assert "too old" in client.get(path).text
        assert press(client, f"{path}/fresh", on=path).status_code == 303
        only_letter(LetterKind.MAGIC_LINK)


def test_looking_at_the_offer_sends_nothing(client: FlaskClient, ann: int) -> None:
    path = link_of(ann)
    press(client, path)
    assert client.get(f"{path}/fresh").status_code == 405
    assert letters() == []


def test_an_unknown_link_asks_for_the_address(client: FlaskClient) -> None:
    page = client.get("/m/made-up")
    assert page.status_code == 404
    assert 'action="/find"' in page.text
    assert press(client, "/m/made-up").status_code == 404
    assert press(client, "/m/made-up/fresh", on="/find").headers["Location"] == "/letter-sent"


def test_confirming_makes_one_take_part(client: FlaskClient) -> None:
    ann = a_participant(an_exchange(), state=ParticipantState.PENDING, confirmed_at=None)
    path = link_of(ann, TokenPurpose.CONFIRM_REGISTRATION)
    assert "Yes, I take part" in client.get(path).text
    assert state_of(ann) is ParticipantState.PENDING
    press(client, path)
    assert state_of(ann) is ParticipantState.ACTIVE
    assert signed_in_as(client) == ann
    assert "your address is confirmed" in client.get("/me").text


def test_the_match_letters_link_shows_the_seal_and_one_press_signs_in_and_opens(
    app: Flask, client: FlaskClient
) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 5)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    path = link_of(people[0], TokenPurpose.MATCH)
    page = client.get(path).text
    assert "Break the seal" in page
    assert reveal.revealed(people[0]) is None
    answer = press(client, path, open="match")
    assert answer.headers["Location"] == "/me"
    match = reveal.revealed(people[0])
    assert match is not None
    assert match.recipient_name not in page
    assert match.recipient_name in client.get("/me").text
    assert reveal.revealed(people[1]) is None

    other = app.test_client()
    assert "Break the seal" not in other.get(path).text
    assert "Open my page" in other.get(path).text
    press(other, path)
    assert signed_in_as(other) == people[0], "this link lasts"


def test_opening_where_nothing_is_drawn_just_signs_in(client: FlaskClient, ann: int) -> None:
    path = link_of(ann, TokenPurpose.MATCH)
    assert press(client, path, open="match").headers["Location"] == "/me"
    assert signed_in_as(client) == ann


def test_only_a_press_on_the_seal_opens_the_match(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 5)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    press(client, link_of(people[0]))
    assert reveal.revealed(people[0]) is None
    assert "Break the seal" in client.get(link_of(people[0], TokenPurpose.MATCH)).text, (
        "also for who is signed in"
    )


@pytest.mark.parametrize("why", ["taken over", "called off"])
def test_no_seal_is_shown_where_nothing_is_left_to_open(client: FlaskClient, why: str) -> None:
    exchange_id = an_exchange()
    person, *others = participants(exchange_id, 6)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    path = link_of(person, TokenPurpose.MATCH)
    if why == "taken over":
        repair.rescue(exchange_id, person, others)
    else:
        lifecycle.cancel(exchange_id)
    page = client.get(path).text
    assert "Break the seal" not in page
    assert "Open my page" in page
    answer = press(client, path, open="match")
    assert (answer.status_code, answer.location) == (303, "/me")
    match = reveal.sealed(person)
    assert match is not None
    assert not match.is_revealed


def test_after_the_day_it_is_not_too_late_to_look(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    person, *_others = participants(exchange_id, 4)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    completion.complete_due(now() + timedelta(days=800), 10)
    sign_in_participant(client, person)
    assert "Break the seal" in client.get("/me").text
    press(client, "/me/match", on="/me")
    opened = reveal.revealed(person)
    assert opened is not None
    assert opened.recipient_name in client.get("/me").text


def test_who_is_in_already_is_led_home(client: FlaskClient, ann: int) -> None:
    sign_in_participant(client, ann)
    path = link_of(ann)
    assert client.get(path).headers["Location"] == "/me"
    elsewhere = a_participant(an_exchange())
    assert client.get(link_of(elsewhere)).status_code == 200


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
def test_asking_answers_alike_known_or_not(client: FlaskClient, ann: int, email: str) -> None:
    answer = press(client, "/find", email=email)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/code")
    assert email not in answer.text
    page = client.get("/code")
    assert page.status_code == 200
    assert "If we know the address" in page.text
    assert len(letters()) == (email == "ann@example.org")


@pytest.mark.parametrize(
    ("email", "error"), [("", "needed"), ("nonsense", "no mail address"), ("x" * 255, "At most 254")]
)
def test_what_is_no_address_comes_back(client: FlaskClient, email: str, error: str) -> None:
    answer = press(client, "/find", email=email)
    assert answer.status_code == 422
    assert error in answer.text
    assert f'value="{email}"' in answer.text


def test_asking_too_often_waits(client: FlaskClient, ann: int) -> None:
    for _ in range(5):
        press(client, "/find", email="ann@example.org")
    answer = press(client, "/find", email="ann@example.org")
    assert answer.status_code == 429
    assert 'value="ann@example.org"' in answer.text


def test_the_code_works_where_it_was_asked_for_and_only_there(
    app: Flask, client: FlaskClient, ann: int
) -> None:
    press(client, "/find", email="ann@example.org")
    code = code_in(only_letter(LetterKind.MAGIC_LINK))
    other = app.test_client()
    refused = press(other, "/code", code=code)
    assert refused.status_code == 422
    assert "not the code" in refused.text
    assert signed_in_as(other) is None
    answer = press(client, "/code", code=f"{code[:4]} {code[4:].lower()}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
    assert signed_in_as(client) == ann


@pytest.mark.parametrize(
    ("code", "error"), [("", "needed"), ("x" * 21, "At most 20"), ("AAAAAAAA", "not the code")]
)
def test_a_wrong_code_comes_back(client: FlaskClient, ann: int, code: str, error: str) -> None:
    press(client, "/find", email="ann@example.org")
    answer = press(client, "/code", code=code)
    assert answer.status_code == 422
    assert error in answer.text
    assert f'value="{code}"' in answer.text


def test_a_browser_tries_ten_codes_and_waits(client: FlaskClient, ann: int) -> None:
    press(client, "/find", email="ann@example.org")
    for _ in range(10):
        press(client, "/code", code="22222222")
    right = code_in(only_letter(LetterKind.MAGIC_LINK))
    assert press(client, "/code", code=right).status_code == 429
