"""A participant's own pages: waiting, sealed, opened, wish list, talk, preferences, address."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import select

from sneaky import conversations, wishlists
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import repair, reveal
from sneaky.exchanges import completion, lifecycle
from sneaky.exchanges import participants as people_room
from sneaky.models import Exchange, Match, Message, MessageAuthor, Participant, WishListItem
from tests.factories import a_participant, an_exchange
from tests.web.exchanging import drawn, name_of, recipients
from tests.web.signing_in import csrf_token, press, sign_in_participant


def guest(client: FlaskClient, **values: Any) -> int:
    """Somebody who takes part in an exchange that is not drawn, signed in."""
    participant_id = a_participant(an_exchange(**values), name="Bob")
    sign_in_participant(client, participant_id)
    return participant_id


def giver(client: FlaskClient) -> tuple[int, int]:
    """A giver who is signed in, and whom they give to; the match is still sealed."""
    exchange_id, people = drawn(client.application.test_client())
    sign_in_participant(client, people[0])
    return people[0], recipients(exchange_id)[people[0]]


def test_before_the_draw_the_page_says_what_there_is_to_do(client: FlaskClient) -> None:
    guest(client, name="Xmas", place="Grandma's", budget=Decimal(20), message="Bring\na cake")
    page = client.get("/me").text
    for told in ("You are in, Bob", "Xmas", "Grandma&#39;s", "about €20", "Bring<br>a cake", "(Berlin)"):
        assert told in page
    assert "Write my wish list" in page


def test_times_stand_in_the_zone_of_the_exchange_and_in_the_reader_s(client: FlaskClient) -> None:
    person = guest(client)
    with transaction() as session:
        session.get_one(Participant, person).zone = "Asia/Tokyo"
    page = client.get("/me").text
    assert ", 18:00</time> <small>(Berlin)</small>" in page
    assert "02:00 your time" in page


def test_the_match_is_sealed_until_it_is_pressed_open(client: FlaskClient) -> None:
    person, recipient = giver(client)
    sealed = client.get("/me").text
    assert "this is for your eyes only" in sealed
    assert f">{name_of(recipient)}<" not in sealed
    assert db.session.scalar(select(Match.revealed_at).where(Match.giver_id == person)) is None
    assert press(client, "/me/match", on="/me").status_code == 303
    opened = client.get("/me").text
    assert f'<h1 class="slip-name">{name_of(recipient)}</h1>' in opened
    assert "is-fresh" in opened
    assert "is-fresh" not in client.get("/me").text


def test_an_opened_match_shows_what_helps_to_choose(client: FlaskClient) -> None:
    person, recipient = giver(client)
    wishlists.add(recipient, "Tea pot <b>", "https://example.org/tea", "the blue one")
    people_room.set_postal_address(recipient, "Tower 1\nNorth Pole")
    reveal.reveal(person)
    page = client.get("/me").text
    for told in (
        "Tea pot &lt;b&gt;",
        'href="https://example.org/tea"',
        "the blue one",
        "Tower 1<br>North Pole",
    ):
        assert told in page


def test_a_changed_name_is_sealed_anew_and_has_to_be_acknowledged(client: FlaskClient) -> None:
    exchange_id, people = drawn(client.application.test_client(), people=6)
    person = people[0]
    reveal.reveal(person)
    repair.withdraw(recipients(exchange_id)[person])
    sign_in_participant(client, person)
    assert "the earlier name no longer counts" in client.get("/me").text
    press(client, "/me/match", on="/me")
    assert "I have read it" in client.get("/me").text
    press(client, "/me/match/acknowledge", on="/me")
    page = client.get("/me").text
    assert "I have read it" not in page
    assert f'<h1 class="slip-name">{name_of(recipients(exchange_id)[person])}</h1>' in page


def test_marks_are_set_and_taken_back(client: FlaskClient) -> None:
    person, recipient = giver(client)
    mark_gift(client, "has_gift", is_on=True)
    assert "Open your match first" in client.get("/me").text
    reveal.reveal(person)
    for mark, column in (("has_gift", Match.has_gift_at), ("sent", Match.sent_at)):
        mark_gift(client, mark, is_on=True)
        assert db.session.scalar(select(column).where(Match.giver_id == person)) is not None
        mark_gift(client, mark, is_on=False)
        assert db.session.scalar(select(column).where(Match.giver_id == person)) is None
    sign_in_participant(client, recipient)
    mark_gift(client, "received", is_on=True)
    sign_in_participant(client, person)
    assert "it has arrived" in client.get("/me").text


def mark_gift(client: FlaskClient, mark: str, *, is_on: bool) -> None:
    token = csrf_token(client.get("/me").text)
    client.post(f"/me/gift/{mark}", data={"csrf_token": token} | ({"on": "y"} if is_on else {}))


def test_no_other_mark_is_known(client: FlaskClient) -> None:
    giver(client)
    assert press(client, "/me/gift/eaten", on="/me").status_code == 404


def test_the_day_goes_into_a_calendar(client: FlaskClient) -> None:
    guest(client, name="Xmas; with, marks", place="Here", budget=Decimal(20))
    answer = client.get("/me/event.ics")
    assert answer.mimetype == "text/calendar"
    (event,) = Calendar.from_ical(answer.get_data()).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Xmas; with, marks"
    assert event.decoded("DTSTART") == db.session.scalars(select(Exchange.event_at)).one()


def test_a_removed_wish_can_be_put_back_on_the_next_page_alone(client: FlaskClient) -> None:
    me = guest(client)
    item = wishlists.add(me, "Tea & “scones”", "https://example.org/tea", "Green.\nOr black.")
    press(client, f"/me/wish-list/{item}/remove", on="/me/wish-list")
    page = client.get("/me/wish-list").text
    assert wishlists.items(me) == []
    assert "Put “Tea &amp; “scones”” back" in page
    hidden = re.findall(r'<input type="hidden" name="(title|url|note)" value="([^"]*)">', page)
    press(client, "/me/wish-list", **{name: unescape(value) for name, value in hidden})
    (back,) = wishlists.items(me)
    assert (back.title, back.url, back.note) == (
        "Tea & “scones”",
        "https://example.org/tea",
        "Green.\nOr black.",
    )
    assert "Put “" not in client.get("/me/wish-list").text


def test_wishes_are_added_changed_and_removed(client: FlaskClient) -> None:
    guest(client)
    press(client, "/me/wish-list", title="Tea pot", url="example.org/tea", note="Blue")
    item = db.session.scalars(select(WishListItem)).one()
    assert (item.title, item.url, item.note) == ("Tea pot", "https://example.org/tea", "Blue")
    assert "Tea pot" in client.get("/me/wish-list").text
    page = f"/me/wish-list/{item.public_id}"
    assert 'value="Tea pot"' in client.get(page).text
    assert press(client, page, title="Kettle", url="", note="").location == "/me/wish-list"
    assert "Kettle" in client.get("/me").text
    press(client, f"{page}/remove", on="/me/wish-list")
    assert "Kettle" not in client.get("/me").text


BAD_WISHES = [
    ({"title": ""}, "This is needed."),
    ({"title": "x" * 201}, "At most 200"),
    ({"url": "javascript:alert(1)"}, "no web address"),
    ({"url": "ftp://example.org"}, "no web address"),
    ({"url": "x" * 2001}, "At most 2000"),
    ({"note": "x" * 1001}, "At most 1000"),
]


@pytest.mark.parametrize(("typed", "complaint"), BAD_WISHES)
def test_a_wish_typed_badly_comes_back(client: FlaskClient, typed: dict[str, str], complaint: str) -> None:
    person = guest(client)
    well = {"title": "Tea pot", "url": "", "note": "Blue one"}
    (field,) = typed
    answer = press(client, "/me/wish-list", **well | typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert complaint in answer.text
    assert "Blue one" in answer.text or field == "note"
    assert wishlists.items(person) == []
    item = wishlists.add(person, "Kettle")
    assert press(client, f"/me/wish-list/{item}", **well | typed).status_code == 422
    assert [wish.title for wish in wishlists.items(person)] == ["Kettle"]


def test_two_talk_and_neither_learns_more(client: FlaskClient) -> None:
    person, recipient = giver(client)
    reveal.reveal(person)
    press(client, "/me/talk/recipient", body="Which size?\n<i>")
    sign_in_participant(client, recipient)
    assert "Your giver wrote 1 new message." in client.get("/me").text
    page = client.get("/me/talk/giver").text
    assert "Which size?<br>&lt;i&gt;" in page
    assert f">{name_of(person)}<" not in page
    press(client, "/me/talk/giver/read", on="/me/talk/giver")
    assert "wrote" not in client.get("/me").text
    press(client, "/me/talk/giver", body="Size 40")
    sign_in_participant(client, person)
    assert "(1 new)" in client.get("/me").text
    assert "Size 40" in client.get("/me/talk/recipient").text


def test_looking_at_a_talk_changes_nothing(client: FlaskClient) -> None:
    person, recipient = giver(client)
    reveal.reveal(person)
    conversations.write(person, MessageAuthor.GIVER, "Which size?")
    sign_in_participant(client, recipient)
    client.get("/me/talk/giver")
    assert conversations.unread(recipient).from_giver == 1


@pytest.mark.parametrize(("body", "complaint"), [("", "This is needed."), ("x" * 2001, "At most 2000")])
def test_an_odd_message_comes_back(client: FlaskClient, body: str, complaint: str) -> None:
    person, _recipient = giver(client)
    reveal.reveal(person)
    answer = press(client, "/me/talk/recipient", body=body)
    assert answer.status_code == 422
    assert 'id="body-error"' in answer.text
    assert complaint in answer.text
    assert db.session.scalars(select(Message)).all() == []


def test_nobody_writes_before_the_seal_is_broken(client: FlaskClient) -> None:
    giver(client)
    assert "Open your match first" in client.get("/me/talk/recipient").text
    token = csrf_token(client.get("/me").text)
    answer = client.post("/me/talk/recipient", data={"csrf_token": token, "body": "Hello"})
    assert answer.status_code == 422
    assert db.session.scalars(select(Message)).all() == []


def test_preferences_are_kept(client: FlaskClient) -> None:
    person = guest(client)
    answer = press(client, "/me/preferences", wants_notices="y", locale="de", zone="Asia/Tokyo")
    assert answer.status_code == 303
    assert preferences(person) == (False, True, "de", "Asia/Tokyo")
    assert press(client, "/me/preferences", locale="", zone="").status_code == 303
    assert preferences(person) == (False, False, None, None)


def preferences(participant_id: int) -> tuple[bool, bool, str | None, str | None]:
    row = db.session.get_one(Participant, participant_id)
    return row.wants_reminders, row.wants_notices, row.locale, row.zone


@pytest.mark.parametrize("typed", [{"locale": "tlh"}, {"zone": "Europe/Atlantis"}])
def test_odd_preferences_come_back(client: FlaskClient, typed: dict[str, str]) -> None:
    guest(client)
    answer = press(client, "/me/preferences", **{"locale": "", "zone": ""} | typed)
    (field,) = typed
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_a_postal_address_is_kept_and_taken_out(client: FlaskClient) -> None:
    person = guest(client)
    press(client, "/me/postal-address", postal_address="Tower 1\nNorth Pole")
    assert people_room.postal_address(person) == "Tower 1\nNorth Pole"
    assert "Tower 1" in client.get("/me/postal-address").text
    assert "Tower 1" not in client.get("/me").text
    too_long = press(client, "/me/postal-address", postal_address="x" * 501)
    assert too_long.status_code == 422
    assert 'id="postal_address-error"' in too_long.text
    press(client, "/me/postal-address", postal_address="")
    db.session.expire_all()
    assert people_room.postal_address(person) is None


def test_what_is_called_off_says_so(client: FlaskClient) -> None:
    person = guest(client)
    exchange_id = db.session.scalars(select(Participant.exchange_id).where(Participant.id == person)).one()
    lifecycle.cancel(exchange_id)
    assert "It was called off" in client.get("/me").text


def test_after_the_day_the_match_is_still_there_and_nothing_can_be_changed(client: FlaskClient) -> None:
    person, recipient = giver(client)
    reveal.reveal(person)
    with time_machine.travel(now() + timedelta(days=800)):
        completion.complete_due(now(), 10)
    page = client.get("/me").text
    assert name_of(recipient) in page
    assert "I have a gift" not in page
    assert "Add it" not in client.get("/me/wish-list").text
