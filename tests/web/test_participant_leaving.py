"""How participants go, what they take along, and that nobody learns who gives to them."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky import conversations, wishlists
from sneaky.core.db import db
from sneaky.draws import leaving, reveal
from sneaky.exchanges import lifecycle
from sneaky.exchanges import participants as exchange_participants
from sneaky.models import Exchange, MessageAuthor, Participant, ParticipantState, WishListItem
from tests.factories import a_participant, an_exchange, an_organizer, participants
from tests.web.exchanging import counted_queries, drawn, name_of, person_id, recipients
from tests.web.signing_in import csrf_token, press, sign_in_organizer, sign_in_participant

PAGES = (
    *("/me", "/me/wish-list", "/me/talk/recipient", "/me/talk/giver", "/me/preferences", "/me/data"),
    *("/me/data.json", "/me/event.ics", "/me/postal-address", "/me/leave", "/me/forget"),
)


def state_of(participant_id: int) -> ParticipantState:
    return db.session.scalars(select(Participant.state).where(Participant.id == participant_id)).one()


def is_named(participant_id: int, text: str) -> bool:
    """Whether the whole name stands in a page or in a JSON file."""
    name = name_of(participant_id)
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def test_twelve_people_read_all_their_pages_and_none_learns_their_giver(
    client: FlaskClient, app: Flask
) -> None:
    exchange_id, people = drawn(client, people=12)
    gives = recipients(exchange_id)
    giver_of = {recipient: giver for giver, recipient in gives.items()}
    for person in people:
        wishlists.add(person, "Something kind")
        reveal.reveal(person)
        conversations.write(person, MessageAuthor.GIVER, "What size are you?")
        conversations.write(person, MessageAuthor.RECIPIENT, "Thank you, whoever you are.")
    for person in people:
        browser = app.test_client()
        sign_in_participant(browser, person)
        for page in PAGES:
            answer = browser.get(page)
            text = answer.text + str(answer.headers)
            named = {
                other for other in people if f">{name_of(other)}<" in text or f'"{name_of(other)}"' in text
            }
            assert named <= {person, gives[person]}, page
            assert name_of(gives[person]) in text or page not in {"/me", "/me/data", "/me/data.json"}
            for other in people:
                assert person_id(other) not in text, page
            if giver_of[person] != gives[person]:
                assert not is_named(giver_of[person], text)


def test_a_sealed_match_is_on_no_page(client: FlaskClient, app: Flask) -> None:
    exchange_id, people = drawn(client)
    recipient = recipients(exchange_id)[people[0]]
    sign_in_participant(client, people[0])
    for page in PAGES:
        text = client.get(page).text
        assert not is_named(recipient, text)


def test_pages_are_for_participants_only_and_kept_nowhere(client: FlaskClient, app: Flask) -> None:
    _exchange_id, people = drawn(client)
    visitor, organizer = app.test_client(), app.test_client()
    sign_in_organizer(organizer, an_organizer())
    for page in PAGES:
        assert visitor.get(page).location == "/find"
        assert organizer.get(page).location == "/find"
    sign_in_participant(client, people[0])
    for page in PAGES:
        assert client.get(page).headers["Cache-Control"] == "no-store", page


def test_forms_need_a_token(client: FlaskClient, app: Flask) -> None:
    _exchange_id, people = drawn(client)
    sign_in_participant(client, people[0])
    posts = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("participant.") and "POST" in (rule.methods or set())
    ]
    assert len(posts) >= 10
    for rule in posts:
        first_of_any = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule)
        address = re.sub(r"<\w+>", "x", first_of_any)
        assert client.post(address).status_code == 400, address


def test_a_foreign_wish_is_not_found(client: FlaskClient) -> None:
    one, other = participants(an_exchange(), 2)
    item = wishlists.add(other, "Tea pot")
    sign_in_participant(client, one)
    token = csrf_token(client.get("/me/wish-list").text)
    typed = {"csrf_token": token, "title": "Mine now"}
    assert client.get(f"/me/wish-list/{item}").status_code == 404
    assert client.post(f"/me/wish-list/{item}", data=typed).status_code == 404
    assert client.post(f"/me/wish-list/{item}/remove", data=typed).status_code == 404
    assert db.session.scalars(select(WishListItem.title)).all() == ["Tea pot"]


def test_what_is_known_can_be_read_and_taken_along(client: FlaskClient) -> None:
    person = a_participant(an_exchange(name="Xmas"), name="Bob", email="bob@example.org")
    wishlists.add(person, "Tea pot", "https://example.org/tea", "Blue")
    sign_in_participant(client, person)
    page = client.get("/me/data").text
    for told in ("Bob", "bob@example.org", "Tea pot", "Blue", "Xmas"):
        assert told in page
    answer = client.get("/me/data.json")
    assert json.loads(answer.text)["wish_list"][0]["title"] == "Tea pot"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_days_of_messages_are_told_with_their_weekday_and_taken_along_plain(client: FlaskClient) -> None:
    people = drawn(client)[1]
    reveal.reveal(people[0])
    conversations.write(people[0], MessageAuthor.GIVER, "Tea?")
    sign_in_participant(client, people[0])
    (told,) = json.loads(client.get("/me/data.json").text)["with_recipient"]
    day = date.fromisoformat(told["sent_on"])
    page = client.get("/me/data").text
    assert f"{day:%A}, {day.day} {day:%B %Y}" in page
    assert told["sent_on"] not in page


def test_leaving_before_the_draw(client: FlaskClient) -> None:
    person = a_participant(an_exchange())
    sign_in_participant(client, person)
    assert "Your name is not drawn" in client.get("/me/leave").text
    assert press(client, "/me/leave").status_code == 303
    assert state_of(person) is ParticipantState.WITHDRAWN
    assert "You are not taking part" in client.get("/me").text


def test_leaving_after_the_draw_mends_it(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    sign_in_participant(client, people[0])
    assert "the draw is mended" in client.get("/me/leave").text
    press(client, "/me/leave")
    gives = recipients(exchange_id)
    assert set(gives) == set(gives.values()) == set(people[1:])
    assert "You are not taking part" in client.get("/me").text


def test_where_nothing_can_be_mended_leaving_is_refused_in_words(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=3)
    for person in people[:2]:
        sign_in_participant(client, person)
        answer = press(client, "/me/leave")
    assert answer.status_code == 422
    assert "no way to mend" in answer.text or "At least" in answer.text
    assert len(recipients(exchange_id)) == 2


def test_nobody_leaves_what_is_over(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    person = a_participant(exchange_id)
    lifecycle.cancel(exchange_id)
    sign_in_participant(client, person)
    answer = press(client, "/me/leave", on="/me/forget")
    assert answer.status_code == 422
    assert state_of(person) is ParticipantState.ACTIVE


@pytest.mark.parametrize("people", [0, 6])
def test_being_forgotten_needs_the_own_name_and_signs_out(client: FlaskClient, people: int) -> None:
    if people:
        _exchange_id, everybody = drawn(client, people=people)
        person = everybody[0]
    else:
        person = a_participant(an_exchange())
    sign_in_participant(client, person)
    wrong = press(client, "/me/forget", name="Somebody")
    assert wrong.status_code == 422
    assert 'id="name-error"' in wrong.text
    answer = press(client, "/me/forget", name=name_of(person).upper())
    assert (answer.status_code, answer.location) == (303, "/")
    assert db.session.get(Participant, person) is None
    assert client.get("/me").location == "/find"


def test_a_recipient_who_is_forgotten_after_the_day_leaves_the_giver_a_page(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    forgotten = people[-1]
    giver = next(giver for giver, recipient in recipients(exchange_id).items() if recipient == forgotten)
    reveal.reveal(giver)
    day = db.session.get_one(Exchange, exchange_id).event_at
    assert lifecycle.complete_due(day, limit=10) == 1
    leaving.be_forgotten(forgotten)
    stranger = a_participant(an_exchange(), name="Somebody of another exchange")
    exchange_participants.set_postal_address(stranger, "1 Main Street")
    sign_in_participant(client, giver)
    page = client.get("/me")
    assert (page.status_code, "That was it" in page.text) == (200, True)
    for told in ("Somebody of another exchange", "1 Main Street"):
        assert told not in page.text + client.get("/me/data.json").text


def test_the_own_page_asks_few_questions_however_much_there_is(client: FlaskClient, app: Flask) -> None:
    _exchange_id, people = drawn(client, people=30)
    person = people[0]
    reveal.reveal(person)
    sign_in_participant(client, person)
    counts = []
    for more in (1, 20):
        for number in range(more):
            wishlists.add(person, f"Idea {number}")
            conversations.write(person, MessageAuthor.GIVER, "Hello")
        client.get("/me")
        with counted_queries(app) as sent:
            client.get("/me")
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 20
