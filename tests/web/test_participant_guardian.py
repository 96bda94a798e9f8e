"""A guardian whose one mailbox receives for several people: each match stays a letter of its own."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.draws import conduct, reveal
from sneaky.exchanges import mailing, participants
from sneaky.models import Letter, LetterKind, Participant
from tests.access.looking import code_in, letters
from tests.factories import a_participant, an_exchange
from tests.web.signing_in import press, sign_in_participant

MAILBOX = "paula@example.org"


def test_one_mailbox_opens_each_match_on_its_own(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    children = {
        name: participants.add(exchange_id, name, MAILBOX, is_guarded=True) for name in ("Mia", "Noah")
    }
    paula = participants.add(exchange_id, "Paula", MAILBOX)
    a_participant(exchange_id, name="Quentin")
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)

    for name, person in (children | {"Paula": paula}).items():
        page = client.get(path_to_match(person)).text
        assert f"Hello {name}" in page, "also while somebody else of the family is signed in here"
        assert "Break the seal" in page
        assert not is_opened(person)
        press(client, path_to_match(person), open="match")
        assert is_opened(person)
        own = reveal.revealed(person)
        assert own is not None
        assert f'<h1 class="slip-name">{own.recipient_name}</h1>' in client.get("/me").text
        for page in ("/me", "/me/wish-list", "/me/talk/recipient", "/me/leave"):
            is_told = f"This is the page of {name}." in client.get(page).text
            assert is_told is (person != paula), "pages of one family look alike"
    assert [is_opened(person) for person in children.values()] == [True, True]


def test_the_code_of_each_letter_works_one_after_the_other(client: FlaskClient) -> None:
    exchange_id = an_exchange()
    for name in ("Mia", "Noah"):
        participants.add(exchange_id, name, MAILBOX, is_guarded=True)
    press(client, "/find", email=MAILBOX)
    for letter in letters(LetterKind.MAGIC_LINK):
        assert press(client, "/code", code=code_in(letter)).status_code == 303
        child = db.session.get_one(Participant, letter.participant_id).name
        assert f"You are in, {child}" in client.get("/me").text


def test_signing_out_everywhere_reaches_whoever_of_the_mailbox_is_in(app: Flask, client: FlaskClient) -> None:
    exchange_id = an_exchange()
    mia, noah = (participants.add(exchange_id, name, MAILBOX, is_guarded=True) for name in ("Mia", "Noah"))
    lost, stranger = app.test_client(), app.test_client()
    sign_in_participant(lost, noah)
    sign_in_participant(stranger, a_participant(exchange_id))
    sign_in_participant(client, mia)
    press(client, "/sign-out", on="/me", everywhere="yes")
    assert [browser.get("/me").status_code for browser in (client, lost, stranger)] == [303, 303, 200]


def path_to_match(participant_id: int) -> str:
    """Where the link of this participant's one match letter leads; the letter goes to the guardian."""
    addresses = select(Letter.to_email).where(
        Letter.participant_id == participant_id, Letter.kind == LetterKind.MATCH
    )
    assert db.session.scalars(addresses).one() == MAILBOX
    return urlsplit(mailing.hand_out_link(participant_id)).path


def is_opened(participant_id: int) -> bool:
    match = reveal.sealed(participant_id)
    assert match is not None
    return match.is_revealed
