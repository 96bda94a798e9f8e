"""Resend: against a stand-in over real HTTP."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.models import LetterState
from sneaky.outbox import queue
from sneaky.outbox.delivery import DeliveryCounts, deliver
from sneaky.outbox.leases import LADDER
from sneaky.outbox.message import Attachment, Rendered, compose
from sneaky.outbox.transports import from_settings, resend
from sneaky.outbox.transports.base import ServerAway, TakenBefore
from sneaky.outbox.transports.resend import ResendTransport
from tests.outbox.conftest import Reconfigure
from tests.outbox.letters import a_letter, letter, letters, plain, state
from tests.resend_server import KEY, Answer, ResendServer

PAPER = Rendered(
    "Grüße",
    "Hello\n",
    "<p>Hello</p>",
    (Attachment("a.ics", "text/calendar; charset=utf-8; method=PUBLISH", b"BEGIN:VCALENDAR"),),
    {"List-Unsubscribe": "<https://klaus.example.org/u/x>"},
    "olga@example.org",
)


@pytest.fixture
def server() -> Iterator[ResendServer]:
    with ResendServer() as server:
        yield server


def send(line: ResendTransport, paper: Rendered = PAPER, key: str = "k1") -> str | None:
    return line.send(compose(paper, to_email="ann@example.org", key=key), idempotency_key=key)


def test_letter_arrives_with_all_its_parts(bare_app: Flask, server: ResendServer) -> None:
    with ResendTransport(KEY, server.api) as line:
        assert send(line) == "accepted as id-k1"
    payload = server.taken["k1"]
    assert payload["from"] == "Sneaky Klaus <klaus@example.org>"
    assert payload["to"] == ["ann@example.org"]
    assert payload["subject"] == "Grüße"
    assert (payload["text"].strip(), payload["html"].strip()) == ("Hello", "<p>Hello</p>")
    assert payload["reply_to"] == "olga@example.org"
    assert payload["headers"] == {
        "Message-ID": "<k1@example.org>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Unsubscribe": "<https://klaus.example.org/u/x>",
    }
    (attached,) = payload["attachments"]
    assert attached["filename"] == "a.ics"
    assert attached["content_type"].startswith("text/calendar")
    assert b64decode(attached["content"]) == b"BEGIN:VCALENDAR"


def test_plain_letter_has_no_empty_fields(bare_app: Flask, server: ResendServer) -> None:
    with ResendTransport(KEY, server.api) as line:
        send(line, plain(1))
    assert {"attachments", "reply_to"} & set(server.taken["k1"]) == set()


def test_one_connection_carries_many_letters(bare_app: Flask, server: ResendServer) -> None:
    with ResendTransport(KEY, server.api) as line:
        for number in range(5):
            send(line, key=f"k{number}")
    assert (server.connections, len(server.taken)) == (1, 5)


@pytest.mark.parametrize(
    ("answer", "error", "retry_after"),
    [
        (Answer(400, "validation_error"), MailPermanent, None),
        (Answer(401, "missing_api_key"), MailRefused, None),
        (Answer(403, "invalid_api_key"), MailRefused, None),
        (Answer(403, "validation_error", "The domain is not verified"), MailRefused, None),
        (Answer(404, "not_found"), MailRefused, None),
        (Answer(408), MailTransient, None),
        (Answer(409, "invalid_idempotent_request"), TakenBefore, None),
        (Answer(409, "another_conflict"), MailPermanent, None),
        (Answer(409, "concurrent_idempotent_requests"), MailTransient, None),
        (Answer(422, "invalid_parameter"), MailPermanent, None),
        (Answer(422, "invalid_from_address"), MailRefused, None),
        (Answer(429, "rate_limit_exceeded", headers={"retry-after": "2"}), ServerAway, 2.0),
        (Answer(429, "rate_limit_exceeded", headers={"retry-after": "soon"}), ServerAway, 1.0),
        (Answer(429, "daily_quota_exceeded"), ServerAway, 3600.0),
        (Answer(500, "application_error"), MailTransient, None),
        (Answer(502, body="<html>Bad gateway</html>"), MailTransient, None),
        (Answer(503, body='["odd"]', headers={"retry-after": "30"}), MailTransient, 30.0),
        (Answer(503, headers={"retry-after": "1e300"}), MailTransient, 86_400.0),
        (Answer(503, headers={"retry-after": "inf"}), MailTransient, 86_400.0),
        (Answer(503, headers={"retry-after": "nan"}), MailTransient, None),
        (Answer(503, headers={"retry-after": "-5"}), MailTransient, None),
        (Answer(200, is_lost=True), MailTransient, None),
    ],
)
def test_answers_mean_what_resend_says(
    bare_app: Flask, server: ResendServer, answer: Answer, error: type[Exception], retry_after: float | None
) -> None:
    server.answers.append(answer)
    with ResendTransport(KEY, server.api) as line, pytest.raises(error) as caught:
        send(line)
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", None) == retry_after


def test_absent_server_is_nobodys_letters_fault(bare_app: Flask) -> None:
    with ResendServer() as server:
        api = server.api
    with ResendTransport(KEY, api) as line, pytest.raises(ServerAway, match="No connection"):
        send(line)


def test_lost_answer_and_second_try_make_one_letter(bare_app: Flask, server: ResendServer) -> None:
    server.answers.append(Answer(200, is_lost=True))
    with ResendTransport(KEY, server.api) as line:
        with pytest.raises(MailTransient):
            send(line)
        send(line)
    assert server.keys == ["k1", "k1"]
    assert len(server.taken) == 1


def test_letter_that_changed_after_a_lost_answer_is_sent_and_not_refused(
    app: Flask, server: ResendServer, reconfigure: Reconfigure
) -> None:
    reconfigure(mail_url=server.mail_url)
    letter_id = a_letter()
    server.answers.append(Answer(200, is_lost=True))
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        assert deliver(lambda _id: PAPER).failed == 1
        clock.shift(LADDER[0] * 2)
        assert deliver(lambda _id: replace(PAPER, subject="A day later")) == DeliveryCounts(sent=1)
    assert letter(letter_id).error.startswith("409 invalid_idempotent_request")
    assert len(server.taken) == 1


def test_letter_that_is_known_before_any_answer_was_lost_is_not_taken_for_sent(
    app: Flask, server: ResendServer, reconfigure: Reconfigure
) -> None:
    reconfigure(mail_url=server.mail_url)
    a_letter()
    server.answers.extend([Answer(403, "invalid_api_key"), Answer(409, "invalid_idempotent_request")])
    assert deliver(plain).failed == 1
    queue.resume()
    assert deliver(plain) == DeliveryCounts(dead=1)


def test_its_turn_is_waited_for_when_the_rate_is_spent(
    bare_app: Flask, server: ResendServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "monotonic", lambda: 100.0)
    waits: list[float] = []
    with ResendTransport(KEY, server.api, pause=waits.append) as line:
        send(line, key="k1")
        server.headers = {"ratelimit-remaining": "0", "ratelimit-reset": "1"}
        send(line, key="k2")
        server.headers = {"ratelimit-remaining": "0"}
        send(line, key="k3")
        server.headers = {"ratelimit-remaining": "0", "ratelimit-reset": "900"}
        send(line, key="k4")
        send(line, key="k5")
    assert waits == [0.0, 0.0, 1.0, 1.0, 5.0]


def test_it_is_used_in_a_with_block(bare_app: Flask, server: ResendServer) -> None:
    line = ResendTransport(KEY, server.api)
    line.__exit__(None, None, None)
    with pytest.raises(RuntimeError, match="with block"):
        send(line)


def test_key_keeps_its_case_and_stays_out_of_sight(settings: Settings) -> None:
    line = from_settings(replace(settings, mail_url="resend://re_AbC_123"))
    assert isinstance(line, ResendTransport)
    assert (line.key, line.api) == ("re_AbC_123", "https://api.resend.com")
    assert "re_AbC_123" not in repr(line)


def test_fifth_of_all_answers_wrong_loses_and_doubles_nothing(
    app: Flask, server: ResendServer, reconfigure: Reconfigure
) -> None:
    rng = random.Random(5)
    faults = [
        Answer(500, "application_error"),
        Answer(200, is_lost=True),
        Answer(429, "rate_limit_exceeded", headers={"retry-after": "1"}),
        Answer(502, body="<html>"),
    ]
    number = 100
    reconfigure(mail_url=server.mail_url)
    letters(number)
    server.answers.extend(
        rng.choice(faults) if rng.random() < 0.2 else Answer(200) for _ in range(3 * number)
    )
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        for _ in range(40):
            deliver(plain, wait=clock.shift)
            clock.shift(timedelta(minutes=5))
    assert queue.counts().sent == number
    assert len(server.taken) == number
    assert len({payload["to"][0] for payload in server.taken.values()}) == number


def test_wrong_key_stops_the_queue(app: Flask, server: ResendServer, reconfigure: Reconfigure) -> None:
    reconfigure(mail_url=server.mail_url.replace(KEY, "re_wrong"))
    numbers = letters(3)
    deliver(plain)
    deliver(plain)
    assert len(server.requests) == 1
    assert queue.held_reason() == "401 missing_api_key Missing API key"
    assert [letter(number).attempts for number in numbers] == [0, 0, 0]
    reconfigure(mail_url=server.mail_url)
    assert deliver(plain).sent == 3
    assert {state(number) for number in numbers} == {LetterState.SENT}
