"""A participant takes everything about themselves along, or is forgotten."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from sneaky import conversations, wishlists
from sneaky.access import sessions
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import reveal
from sneaky.exchanges import households, lifecycle, participants
from sneaky.models import MessageAuthor, Participant
from tests import factories
from tests.draws import drawn


def test_export_holds_what_is_theirs_and_the_match_only_once_opened(app: Flask) -> None:
    exchange_id = factories.an_exchange(place="Grandma's")
    people = factories.participants(exchange_id, 4)
    ann = people[0]
    households.assign(ann, "Miller")
    wishlists.add(ann, "Tea", "https://example.org", "green")
    participants.set_postal_address(ann, "1 Main Street")
    drawn.draw(exchange_id)
    conversations.write(ann, MessageAuthor.RECIPIENT, "Dear giver")
    before = participants.export(ann)
    recipient = db.session.get_one(Participant, drawn.pairs(exchange_id)[ann]).name
    assert recipient not in json.dumps(before)
    assert before["gives_to"] is None
    assert before["household"] == "Miller"
    assert before["postal_address"] == "1 Main Street"
    assert before["wish_list"] == [{"title": "Tea", "url": "https://example.org", "note": "green"}]
    assert [message["body"] for message in before["with_giver"]] == ["Dear giver"]
    assert before["exchange"]["place"] == "Grandma's"
    reveal.reveal(ann)
    assert participants.export(ann)["gives_to"] == recipient


# Columns of a participant under which the export says the same in other words, and ids, which mean nothing.
SAID_OTHERWISE = {
    "id",
    "public_id",
    "exchange_id",
    "household_id",
    "organizer_id",
    "locale",
    "postal_address_sealed",
    "gift_received_at",
}


def test_export_leaves_nothing_out_that_is_stored(app: Flask) -> None:
    _exchange_id, people = drawn.a_drawn_exchange(3)
    sessions.rotate(None, participant_id=people[0], data={})
    reveal.reveal(people[0])
    reveal.mark_gift(people[0], "has_gift", is_on=True)
    known = participants.export(people[0])
    assert set(Participant.__table__.columns.keys()) - known.keys() == SAID_OTHERWISE
    assert known["gift"]["revealed_at"]
    assert [(letter["kind"], letter["state"]) for letter in known["letters"]] == [("match", "queued")]
    assert len(known["sessions"]) == 1
    assert json.dumps(known)


def test_export_of_nobody(app: Flask) -> None:
    with pytest.raises(NotFound):
        participants.export(99)


def test_erased_before_the_draw_and_after_the_end_but_not_in_between(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    early, *people = factories.participants(exchange_id, 5)
    participants.erase(early)
    assert db.session.get(Participant, early) is None
    drawn.draw(exchange_id)
    with pytest.raises(RuleBroken, match="Withdraw after the draw"):
        participants.erase(people[0])
    lifecycle.cancel(exchange_id)
    participants.erase(people[0])
    assert db.session.get(Participant, people[0]) is None
    with pytest.raises(NotFound):
        participants.erase(99)
