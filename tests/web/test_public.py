"""Pages anybody may open."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.access import organizers
from sneaky.core.db import db
from sneaky.core.settings import Settings
from sneaky.models import Participant
from sneaky.outbox import links
from sneaky.outbox.transports.file import from_settings
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import press, sign_in_organizer, sign_in_participant


def test_the_front_page_tells_how_to_begin_before_set_up(client: FlaskClient) -> None:
    assert "one-time link" in client.get("/").text
    organizers.create("Olga", "olga@example.org", "correct horse", is_admin=True)
    page = client.get("/").text
    assert "one-time link" not in page
    assert 'href="/sign-in"' in page
    assert 'href="/find"' in page
    assert "/mailbox" not in page


def test_who_is_signed_in_goes_on_to_their_own_page(app: Flask, client: FlaskClient) -> None:
    sign_in_participant(client, a_participant(an_exchange()))
    assert client.get("/").headers["Location"] == "/me"
    sign_in_organizer(client, an_organizer())
    assert client.get("/").headers["Location"] == "/exchanges"


def test_the_bar_shows_where_one_can_go(app: Flask, client: FlaskClient) -> None:
    assert "Sign out" not in client.get("/privacy").text
    sign_in_participant(client, a_participant(an_exchange()))
    page = client.get("/privacy").text
    assert 'href="/me"' in page
    assert "Sign out" in page
    assert 'href="/exchanges"' not in page
    sign_in_organizer(client, an_organizer())
    assert 'href="/exchanges"' in client.get("/privacy").text
    assert "/operations" not in client.get("/privacy").text
    sign_in_organizer(client, an_organizer(is_admin=True))
    assert 'href="/operations/jobs"' in client.get("/privacy").text


def test_the_bar_marks_where_we_are(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    assert '<a href="/exchanges" aria-current="page">' in client.get("/exchanges").text
    assert '<a href="/exchanges">' in client.get("/privacy").text


def test_the_privacy_page_tells_whether_pairs_are_remembered(
    app: Flask, client: FlaskClient, app_with: Callable[..., Flask]
) -> None:
    assert "fingerprint" in client.get("/privacy").text
    page = app_with(pair_memory=False).test_client().get("/privacy").text
    assert "fingerprint" not in page
    for promise in ("30 days", "7 days before", "15 minutes", "90 days"):
        assert promise in page


# unsubscribe


def wants(participant_id: int) -> tuple[bool, bool]:
    db.session.expire_all()
    row = db.session.execute(
        select(Participant.wants_reminders, Participant.wants_notices).where(Participant.id == participant_id)
    ).one()
    return row.wants_reminders, row.wants_notices


def test_one_click_in_the_mail_program_ends_reminders(app: Flask, client: FlaskClient) -> None:
    exchange_id = an_exchange()
    ann, bob = a_participant(exchange_id, locale="de", zone="Asia/Tokyo"), a_participant(exchange_id)
    path = f"/u/{links.unsubscribe_token(ann)}"
    answer = client.post(
        path,
        data={"List-Unsubscribe": "One-Click"},
        headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 200
    assert wants(ann) == (False, False)
    assert wants(bob) == (True, True)
    kept = db.session.get_one(Participant, ann)
    assert (kept.locale, kept.zone) == ("de", "Asia/Tokyo")


def test_looking_ends_nothing_and_a_press_does(client: FlaskClient) -> None:
    ann = a_participant(an_exchange(name="Family Christmas"))
    path = f"/u/{links.unsubscribe_token(ann)}"
    assert "Family Christmas" in client.get(path).text
    client.head(path)
    assert wants(ann) == (True, True)
    assert "No more reminders" in press(client, path).text
    assert wants(ann) == (False, False)


@pytest.mark.parametrize("token", ["x", "x" * 44, "%00"])
def test_a_made_up_token_unsubscribes_nobody(client: FlaskClient, token: str) -> None:
    a_participant(an_exchange())
    assert client.get(f"/u/{token}").status_code == 404
    assert client.post(f"/u/{token}").status_code == 404


# development


@pytest.fixture
def developer(app_with: Callable[..., Flask]) -> FlaskClient:
    """A browser at a development instance."""
    return app_with(env="development").test_client()


@pytest.mark.parametrize("path", ["/mailbox", "/mailbox/x", "/styleguide"])
def test_production_has_no_pages_for_developers(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_mailbox_shows_the_letters_of_the_folder(developer: FlaskClient, settings: Settings) -> None:
    assert "No letters yet" in developer.get("/mailbox").text
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@example.org", "Hello <b>Ann</b>"
    message.set_content("Open http://localhost/m/x")
    message.add_alternative('<p style="color: red">Open it</p>', subtype="html")
    with from_settings(settings) as transport:
        transport.send(message, idempotency_key="letter-1")
    page = developer.get("/mailbox").text
    assert "Hello &lt;b&gt;Ann&lt;/b&gt;" in page
    assert '<a href="http://localhost/m/x"' in page
    shown = developer.get("/mailbox/letter-1")
    assert "Open it" in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert "style-src 'unsafe-inline'" in policy
    assert "default-src 'none'" in policy
    assert developer.get("/mailbox/letter-2").status_code == 404
    assert "/mailbox" in developer.get("/").text


def test_without_a_folder_the_mailbox_is_empty(app_with: Callable[..., Flask]) -> None:
    client = app_with(env="development", mail_url="console:").test_client()
    assert "No letters yet" in client.get("/mailbox").text


def test_the_styleguide_shows_every_piece(developer: FlaskClient) -> None:
    assert developer.get("/styleguide").status_code == 200
