"""Who steps in for somebody sees for whom, asks without a name, and nobody else gets into that talk."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from sneaky import conversations
from sneaky.draws import repair, reveal
from sneaky.matches import seals
from sneaky.models import MessageAuthor
from tests.draws import drawn
from tests.web.exchanging import name_of
from tests.web.signing_in import press, sign_in_participant


def test_a_stand_in_talks_with_the_second_recipient(client: FlaskClient, app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    no_show, recipient = people[0], drawn.pairs(exchange_id)[people[0]]
    repair.rescue(exchange_id, no_show, people[1:])
    helper = seals.giver_of(recipient) or 0
    reveal.reveal(helper)
    (second,) = seals.second_matches(helper)
    talk = f"/me/talk/recipient/{second}"
    sign_in_participant(client, helper)
    page = client.get("/me").text
    assert f"A second gift, for {name_of(recipient)}" in page
    assert talk in page
    assert press(client, talk, body="Which colour?").location == talk
    conversations.write(recipient, MessageAuthor.RECIPIENT, "Blue.")
    assert "(1 new)" in client.get("/me").text
    page = client.get(talk).text
    assert "Which colour?" in page
    assert "Blue." in page
    assert name_of(recipient) not in page
    assert press(client, f"{talk}/read", on=talk).location == talk
    assert "(1 new)" not in client.get("/me").text

    stranger = app.test_client()
    sign_in_participant(stranger, no_show)
    assert stranger.get(talk).status_code == 404
    assert press(stranger, talk, on="/me", body="Mine?").status_code == 404
