"""Pages that were open while something else happened: what is typed there comes back with the reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky import conversations, wishlists
from sneaky.access import sessions
from sneaky.core.db import db
from sneaky.draws import conduct, repair, reveal
from sneaky.draws.repair import Repair
from sneaky.exchanges import lifecycle
from sneaky.models import Message, MessageAuthor, TokenPurpose
from tests.access.linking import a_link
from tests.factories import participants
from tests.web.exchanging import drawn, organized, path_of
from tests.web.reading import Page
from tests.web.signing_in import csrf_token, press, sign_in_participant

BODY = "Which size do you have?"


def a_giver(client: FlaskClient) -> tuple[int, int]:
    """A drawn exchange and somebody in it who has opened their match and uses `client`."""
    exchange_id, people = drawn(client, people=6)
    reveal.reveal(people[0])
    sign_in_participant(client, people[0])
    return exchange_id, people[0]


def messages() -> list[Message]:
    db.session.expire_all()
    return list(db.session.scalars(select(Message)))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_message_to_a_conversation_that_closed_comes_back(client: FlaskClient, is_first: bool) -> None:
    exchange_id, person = a_giver(client)
    if not is_first:
        conversations.write(person, MessageAuthor.GIVER, "Hello")
    form = Page(client.get("/me/talk/recipient").text).form("Send it").values
    lifecycle.cancel(exchange_id)
    answer = client.post("/me/talk/recipient", data=form | {"body": BODY})
    assert answer.status_code == 422
    assert "its conversations are closed" in answer.text
    assert BODY in answer.text
    assert len(messages()) == 1 - is_first


def test_a_closed_conversation_says_that_it_is_over(client: FlaskClient) -> None:
    exchange_id, _person = a_giver(client)
    lifecycle.cancel(exchange_id)
    page = client.get("/me/talk/recipient").text
    assert "its conversations are closed" in page
    assert "Open your match first" not in page
    assert "Send it" not in page


def test_what_was_meant_for_an_earlier_recipient_does_not_reach_the_next(client: FlaskClient) -> None:
    exchange_id, person = a_giver(client)
    form = Page(client.get("/me/talk/recipient").text).form("Send it").values
    repair.apply(exchange_id, Repair(swapping=(person,)))
    reveal.reveal(person)
    answer = client.post("/me/talk/recipient", data=form | {"body": BODY})
    assert answer.status_code == 422
    assert "You give to somebody else by now" in answer.text
    assert messages() == []
    again = Page(answer.text).form("Send it").values | {"body": BODY}
    assert client.post("/me/talk/recipient", data=again).status_code == 303
    assert len(messages()) == 1


def test_a_recipient_does_not_learn_that_the_giver_has_changed(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    sign_in_participant(client, people[0])
    form = Page(client.get("/me/talk/giver").text).form("Send it").values
    assert form["about"] == ""
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    assert client.post("/me/talk/giver", data=form | {"body": BODY}).status_code == 303


def test_an_idea_for_a_list_that_closed_comes_back(client: FlaskClient) -> None:
    exchange_id, _person = a_giver(client)
    token = csrf_token(client.get("/me/wish-list").text)
    lifecycle.cancel(exchange_id)
    answer = client.post("/me/wish-list", data={"csrf_token": token, "title": "A book of tea"})
    assert answer.status_code == 422
    assert "its wish lists cannot be changed" in answer.text
    assert 'value="A book of tea"' in answer.text


def test_somebody_added_after_the_draw_comes_back(client: FlaskClient) -> None:
    exchange_id = organized(client)
    participants(exchange_id, 4)
    page = path_of(exchange_id, "participants")
    token = csrf_token(client.get(page).text)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    answer = client.post(page, data={"csrf_token": token, "name": "Zoe", "email": "zoe@example.org"})
    assert answer.status_code == 422
    assert "The names are already drawn." in answer.text
    assert 'value="zoe@example.org"' in answer.text


@pytest.mark.parametrize(
    ("end", "words"), [(lifecycle.cancel, "This exchange is over"), (lambda _id: None, "already drawn")]
)
def test_a_rule_made_too_late_is_refused_in_words(
    client: FlaskClient, end: Callable[[int], None], words: str
) -> None:
    exchange_id, _people = drawn(client)
    end(exchange_id)
    token = csrf_token(client.get(path_of(exchange_id, "rules")).text)
    typed = {"csrf_token": token, "avoid_last_year": "off"}
    answer = client.post(path_of(exchange_id, "rules/options"), data=typed)
    assert answer.status_code == 422
    assert words in answer.text


def test_what_was_typed_before_the_session_ended_is_handed_back(client: FlaskClient) -> None:
    _exchange_id, person = a_giver(client)
    form = Page(client.get("/me/talk/recipient").text).form("Send it").values
    sessions.end_all(participant_id=person)
    answer = client.post("/me/talk/recipient", data=form | {"body": f"{BODY}\n<b>"})
    assert answer.status_code == 400
    assert "somebody signed in or out here since" in answer.text
    assert f"{BODY}\n&lt;b&gt;" in answer.text
    assert form["about"] not in answer.text
    assert form["csrf_token"] not in answer.text
    assert 'href="/me/talk/recipient"' in answer.text
    assert messages() == []


def test_what_was_typed_for_one_child_is_not_taken_for_another(client: FlaskClient) -> None:
    _exchange_id, people = drawn(client)
    sign_in_participant(client, people[0])
    token = csrf_token(client.get("/me/wish-list").text)
    press(client, f"/m/{a_link(people[1], TokenPurpose.SIGN_IN)}")
    answer = client.post("/me/wish-list", data={"csrf_token": token, "title": "A book of tea"})
    assert answer.status_code == 400
    assert "A book of tea" in answer.text
    assert wishlists.items(people[1]) == []


def test_a_password_is_not_handed_back(client: FlaskClient) -> None:
    typed = {"email": "olga@example.org", "password": "correct horse battery"}
    answer = client.post("/sign-in?next=/exchanges/new", data=typed)
    assert answer.status_code == 400
    assert "olga@example.org" in answer.text
    assert "correct horse" not in answer.text
    assert 'href="/sign-in?next=/exchanges/new"' in answer.text


def test_of_a_button_nothing_was_typed_and_one_goes_on_where_it_stood(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    page = path_of(exchange_id)
    headers = {"Referer": f"http://localhost{page}"}
    answer = client.post(f"{page}/draw/undo", data={"note": "not typed"}, headers=headers)
    assert answer.status_code == 400
    assert f'href="{page}"' in answer.text
    assert "not typed" not in answer.text


@pytest.mark.parametrize("page", ["draw", "repair", "rescue"])
def test_of_an_exchange_that_is_over_no_page_speaks_as_if_it_went_on(client: FlaskClient, page: str) -> None:
    exchange_id, _people = drawn(client)
    lifecycle.cancel(exchange_id)
    shown = client.get(path_of(exchange_id, page)).text
    assert "This exchange is over." in shown
    assert "drawn yet" not in shown
    assert "drawn already" not in shown
