"""What Resend tells us afterwards: taken when it is signed, and never a way in for anybody else."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.letters import catalogue
from sneaky.models import ExchangeState, Letter, LetterKind, LetterState
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.leases import Lease, Settlement, turn
from sneaky.outbox.transports.memory import MemoryTransport
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.exchanging import path_of
from tests.web.signing_in import press, sign_in_organizer, sign_in_participant

SECRET = b"not much of a secret, but long"
PATH = "/webhooks/resend"
GONE = {"type": "Permanent", "subType": "General", "diagnosticCode": ["smtp; 550 5.1.1 User unknown"]}


@pytest.fixture
def listening(app_with: Callable[..., Flask]) -> Flask:
    return app_with(resend_webhook_secret=SECRET)


def signature(body: bytes, message_id: str, sent_at: str, secret: bytes = SECRET) -> str:
    signed = f"{message_id}.{sent_at}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, "sha256")).decode()


def told(app: Flask, body: bytes, **headers: str) -> TestResponse:
    """Send a body as Resend does, with the right headers but for those given."""
    message_id, sent_at = "msg_1", str(int(now().timestamp()))
    right = {"svix-id": message_id, "svix-timestamp": sent_at}
    right["svix-signature"] = signature(body, message_id, headers.get("svix-timestamp", sent_at))
    return app.test_client().post(PATH, data=body, headers=right | headers)


def event(reference: str, kind: str = "email.bounced", **data: Any) -> bytes:
    given = {"bounce": GONE, "tags": {"letter": reference}} | data
    return json.dumps({"type": kind, "created_at": now().isoformat(), "data": given}).encode()


def a_sent_letter(kind: LetterKind = LetterKind.MATCH) -> tuple[int, str]:
    """A letter that the provider has taken, and the name by which it knows it."""
    exchange_id = an_exchange(state=ExchangeState.MATCHED)
    participant_id = a_participant(exchange_id, name="Ann", email="ann@example.org")
    with transaction() as session:
        queue.put(kind, "ann@example.org", exchange_id=exchange_id, participant_id=participant_id)
        letter_id = session.scalars(select(Letter.id)).one()
    line = MemoryTransport()
    assert deliver(catalogue.render, transport=line).sent == 1
    return letter_id, line.keys[0]


def row(letter_id: int) -> Letter:
    db.session.remove()
    return db.session.get_one(Letter, letter_id)


def warnings() -> list[Letter]:
    db.session.remove()
    return list(db.session.scalars(select(Letter).where(Letter.kind == LetterKind.UNDELIVERED)))


def test_a_letter_that_came_back_is_marked_and_its_organizer_warned(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    assert told(listening, event(reference)).status_code == 204
    letter = row(letter_id)
    assert (letter.state, letter.error) == (LetterState.BOUNCED, "550 5.1.1 User unknown")
    assert letter.settled_at is not None
    (warning,) = warnings()
    assert warning.next_try_at.minute == 0
    assert timedelta() < warning.next_try_at - now() <= timedelta(hours=1)
    rendered = catalogue.render(warning.id)
    assert "did not arrive" in rendered.subject
    assert "Mend the address there and save" in rendered.text
    assert "ann@" not in rendered.text + rendered.html


def test_the_organizer_sees_who_it_is_and_what_to_do(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    told(listening, event(reference))
    client, exchange_id = listening.test_client(), row(letter_id).exchange_id or 0
    organizer_id = warnings()[0].organizer_id
    sign_in_organizer(client, organizer_id or 0)
    overview = client.get(path_of(exchange_id)).text
    assert "A letter to Ann did not arrive." in overview
    assert "This mailbox does not exist. Check the address." in overview
    assert "<code>550 5.1.1 User unknown</code>" in overview
    ledger = client.get(path_of(exchange_id, "letters"), query_string={"state": "dead"}).text
    assert "came back" in ledger
    assert "Try 1 undeliverable letter again" in ledger


def test_what_is_told_twice_counts_once(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    told(listening, event(reference))
    settled_at = row(letter_id).settled_at
    for _ in range(3):
        assert told(listening, event(reference, "email.complained")).status_code == 204
    assert row(letter_id).settled_at == settled_at
    assert row(letter_id).error == "550 5.1.1 User unknown"
    assert len(warnings()) == 1


def test_who_marked_a_letter_as_unwanted_gets_no_reminders_and_can_have_them_again(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    client, ann = listening.test_client(), row(letter_id).participant_id or 0
    sign_in_participant(client, ann)
    assert "marked as unwanted" not in client.get("/me/preferences").text
    assert told(listening, event(reference, "email.complained")).status_code == 204
    page = client.get("/me/preferences").text
    assert "A letter of ours was marked as unwanted" in page
    assert "in the mailbox of ann@example.org" in page
    assert "checked" not in page
    assert "Marked a letter as unwanted" in client.get("/me/data").text
    assert client.get("/me/data.json").get_json()["complained_at"]
    press(client, "/me/preferences", wants_reminders="y", locale="", zone="")
    assert "marked as unwanted" not in client.get("/me/preferences").text


@pytest.mark.parametrize("mend", ["another address", "the same address"])
def test_an_old_event_does_not_touch_the_letter_sent_anew(listening: Flask, mend: str) -> None:
    letter_id, reference = a_sent_letter()
    told(listening, event(reference))
    participant_id = row(letter_id).participant_id or 0
    if mend == "another address":
        queue.readdress(participant_id, "anna@example.org")
    else:
        queue.retry([letter_id])
    line = MemoryTransport()
    assert deliver(catalogue.render, transport=line).sent == 1
    assert line.keys != [reference]
    assert told(listening, event(reference)).status_code == 204
    assert row(letter_id).state is LetterState.SENT
    told(listening, event(line.keys[0]))
    assert row(letter_id).state is LetterState.BOUNCED


def test_an_event_may_be_quicker_than_our_own_commit(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    with transaction() as session:
        session.execute(update(Letter).values(state=LetterState.QUEUED))
    lease = turn(None, wants_next=True)
    assert isinstance(lease, Lease)
    told(listening, event(reference))
    turn(Settlement(lease, LetterState.SENT, "accepted"), wants_next=False)
    assert row(letter_id).state is LetterState.BOUNCED


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("email.bounced", {"bounce": {"message": " The mailbox\nis full "}}, "The mailbox is full"),
        ("email.bounced", {"bounce": {"diagnosticCode": [7], "subType": "General"}}, "General"),
        ("email.bounced", {"bounce": None}, "bounced"),
        ("email.bounced", {"bounce": {"message": "x" * 2000}}, "x" * 500),
        ("email.complained", {}, "complained: the reader marked this letter as unwanted"),
        ("email.failed", {"failed": {"reason": "reached_daily_quota"}}, "reached_daily_quota"),
        (
            "email.suppressed",
            {"suppressed": {"message": "On the suppression list"}},
            "On the suppression list",
        ),
    ],
)
def test_each_way_to_come_back_is_known(
    listening: Flask, kind: str, data: dict[str, Any], error: str
) -> None:
    letter_id, reference = a_sent_letter()
    assert told(listening, event(reference, kind, **data)).status_code == 204
    assert (row(letter_id).state, row(letter_id).error) == (LetterState.BOUNCED, error)


def test_tags_are_read_as_documented_and_as_sent(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    tags = ["odd", {"name": "other", "value": "x"}, {"name": "letter", "value": reference}]
    told(listening, event(reference, tags=tags))
    assert row(letter_id).state is LetterState.BOUNCED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"email.bounced"',
        b'{"type": "email.bounced"}',
        b'{"type": "email.bounced", "data": {"tags": 7}}',
        b'{"type": ["email.bounced"], "data": {}}',
        event("0-0"),
        event("99999-abc"),
        event("9" * 40 + "-abc"),
        event("\u0661-abc"),
        event("nonsense"),
        event("", tags={"letter": 5}),
        event("", tags=None),
    ],
)
def test_what_is_not_about_a_letter_of_ours_is_answered_alike(listening: Flask, body: bytes) -> None:
    letter_id, _reference = a_sent_letter()
    answer = told(listening, body)
    assert (answer.status_code, answer.data) == (204, b"")
    assert row(letter_id).state is LetterState.SENT
    assert warnings() == []


@pytest.mark.parametrize("kind", ["email.sent", "email.delivered", "email.opened", "email.delivery_delayed"])
def test_other_events_change_nothing(listening: Flask, kind: str) -> None:
    letter_id, reference = a_sent_letter()
    assert told(listening, event(reference, kind)).status_code == 204
    assert row(letter_id).state is LetterState.SENT


def test_a_letter_of_another_instance_is_not_ours(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    forged = reference[:-1] + ("0" if reference[-1] != "0" else "1")
    assert told(listening, event(forged)).status_code == 204
    assert row(letter_id).state is LetterState.SENT


def _shifted(seconds: int) -> str:
    return str(int(now().timestamp()) + seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {"svix-signature": ""},
        {"svix-signature": "v1,AAAA"},
        {"svix-signature": "v2," + "A" * 44},
        {"svix-id": "msg_2"},
        {"svix-id": ""},
        {"svix-timestamp": ""},
        {"svix-timestamp": "soon"},
        {"svix-timestamp": "9" * 400},
        {"svix-timestamp": "-1"},
        {"svix-timestamp": -3600},
        {"svix-timestamp": +3600},
    ],
    ids=str,
)
def test_what_is_not_signed_or_not_fresh_is_refused(listening: Flask, headers: dict[str, str | int]) -> None:
    letter_id, reference = a_sent_letter()
    given = {name: _shifted(text) if isinstance(text, int) else text for name, text in headers.items()}
    assert told(listening, event(reference), **given).status_code == 403
    assert row(letter_id).state is LetterState.SENT


def test_another_secret_signs_nothing(listening: Flask) -> None:
    _letter_id, reference = a_sent_letter()
    body, sent_at = event(reference), _shifted(0)
    for header in (
        signature(body, "msg_1", sent_at, b"another secret"),
        signature(b"other", "msg_1", sent_at),
    ):
        answer = told(listening, body, **{"svix-timestamp": sent_at, "svix-signature": header})
        assert answer.status_code == 403


def test_one_good_signature_among_several_is_enough(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    body, sent_at = event(reference), _shifted(0)
    headers = {
        "svix-timestamp": sent_at,
        "svix-signature": f"v1,b2xk v1a,x \u00fc {signature(body, 'msg_1', sent_at)}",
    }
    assert told(listening, body, **headers).status_code == 204
    assert row(letter_id).state is LetterState.BOUNCED


def test_nothing_signed_a_little_earlier_or_later_is_lost(listening: Flask) -> None:
    letter_id, reference = a_sent_letter()
    assert told(listening, event(reference), **{"svix-timestamp": _shifted(-240)}).status_code == 204
    assert row(letter_id).state is LetterState.BOUNCED


def test_without_a_secret_there_is_nobody_to_listen(app: Flask) -> None:
    letter_id, reference = a_sent_letter()
    assert told(app, event(reference)).status_code == 404
    empty = {"svix-signature": signature(event(reference), "msg_1", _shifted(0), b"")}
    assert told(app, event(reference), **empty).status_code == 404
    assert row(letter_id).state is LetterState.SENT


def test_a_body_too_large_is_not_read(listening: Flask) -> None:
    assert told(listening, b" " * (64 * 1024 + 1)).status_code == 413
    assert told(listening, b" " * 64 * 1024).status_code == 204


def test_a_browser_of_another_site_gets_no_further(listening: Flask, client: FlaskClient) -> None:
    letter_id, reference = a_sent_letter()
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert listening.test_client().post(PATH, data=event(reference), headers=headers).status_code == 403
    assert listening.test_client().get(PATH).status_code == 405
    assert row(letter_id).state is LetterState.SENT


def test_one_warning_an_hour_for_many_letters(listening: Flask) -> None:
    exchange_id = an_exchange(an_organizer(), state=ExchangeState.MATCHED)
    for number in range(5):
        email = f"ann{number}@example.org"
        ann = a_participant(exchange_id, email=email)
        with transaction():
            queue.put(LetterKind.MATCH, email, exchange_id=exchange_id, participant_id=ann)
    line = MemoryTransport()
    deliver(catalogue.render, transport=line)
    for reference in line.keys:
        assert told(listening, event(reference)).status_code == 204
    assert len(warnings()) == 1
