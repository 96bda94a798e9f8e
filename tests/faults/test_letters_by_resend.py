"""Letters by Resend, whatever it answers and whoever is killed meanwhile: none is lost, none comes twice."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import time_machine
from flask import Flask
from sqlalchemy import insert, select

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import (
    ExchangeState,
    LetterKind,
    Participant,
    ParticipantState,
    Trouble,
    TroubleKind,
)
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.transports.resend import ResendTransport
from tests import factories
from tests.faults.processes import Figure, Instance, a_look, on_both_in_full, rounds, wait_until
from tests.letters.mail import queued
from tests.outbox.letters import letters, plain
from tests.resend_server import KEY, Answer, ResendServer

FAULTS = [
    Answer(500, "application_error"),
    Answer(200, is_lost=True),
    Answer(429, "rate_limit_exceeded", headers={"retry-after": "1"}),
    Answer(502, body="<html>"),
    Answer(503, headers={"retry-after": "30"}),
    Answer(409, "concurrent_idempotent_requests"),
]


def a_batch(people: int) -> None:
    """A drawn exchange of so many people, and a letter to each of them."""
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
    rows = [
        {
            "public_id": new_public_id(),
            "exchange_id": exchange_id,
            "name": f"Ann {number}",
            "email": f"ann{number}@example.org",
            "state": ParticipantState.ACTIVE,
            "created_at": now(),
        }
        for number in range(people)
    ]
    with transaction() as session:
        session.execute(insert(Participant), rows)
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")


def sent() -> int:
    with a_look():
        return queue.counts().sent


def arrived(server: ResendServer) -> Counter[str]:
    """How many letters each address got."""
    return Counter(payload["to"][0] for payload in list(server.taken.values()))


@on_both_in_full
def test_a_fifth_of_all_answers_wrong_loses_and_doubles_nothing(any_app: Flask) -> None:
    number = rounds(60, 1000)
    letters(number)
    with ResendServer() as server, time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        server.answers.extend(
            random.choice(FAULTS) if random.random() < 0.2 else Answer(200) for _ in range(3 * number)
        )
        while queue.counts().queued + queue.counts().failed:
            deliver(plain, transport=ResendTransport(KEY, server.api), limit=10_000, wait=clock.shift)
            clock.shift(timedelta(minutes=3))
    assert queue.counts().sent == number
    assert arrived(server) == Counter(f"ann{each}@example.org" for each in range(number))


def test_its_rate_is_kept(app: Flask, record_property: Figure) -> None:
    number, rate = rounds(30, 1000), rounds(15, 50)
    letters(number)
    with ResendServer(rate=rate) as server:
        began = monotonic()
        deliver(plain, transport=ResendTransport(KEY, server.api), limit=10_000)
        assert (len(server.taken), server.refused_for_rate) == (number, 0)
        record_property("letters a second", round(number / (monotonic() - began), 1))


def test_a_wrong_key_stops_every_sender_with_one_alert(app: Flask) -> None:
    number = rounds(20, 1000)
    letters(number)

    def send() -> None:
        with app.app_context():
            for _ in range(3):
                deliver(plain, transport=ResendTransport("re_wrong", server.api))
            db.session.remove()

    with ResendServer() as server:
        senders = [threading.Thread(target=send) for _ in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert 1 <= len(server.requests) <= len(senders)
        troubles = db.session.scalars(select(Trouble)).all()
        assert [trouble.kind for trouble in troubles] == [TroubleKind.MAIL_REFUSED]
        assert queue.held_reason() == "401 missing_api_key Missing API key"
        queue.resume()
        deliver(plain, transport=ResendTransport(KEY, server.api), limit=10_000)
        assert arrived(server) == Counter(f"ann{each}@example.org" for each in range(number))


@on_both_in_full
def test_killed_again_and_again_no_letter_is_lost_or_comes_twice(
    instance: Instance, record_property: Figure
) -> None:
    people, kills = rounds(60, 4000), rounds(2, 200)
    a_batch(people)
    with ResendServer() as server:
        instance.start(mail_url=server.mail_url)
        killed, pause = 0, threading.Event()
        while killed < kills and sent() < people:
            instance.start(mail_url=server.mail_url)  # stands by, and leads next
            after = min(people, len(server.taken) + random.randint(1, people // kills))
            wait_until(lambda: len(server.taken) >= after, "letters go out")  # noqa: B023
            pause.wait(random.uniform(0, 0.05))
            instance.wait_for_leader().kill()
            killed += 1
        wait_until(lambda: sent() == people, "every letter is sent", 90 + people / 10)
        assert len(server.taken) == people
        assert arrived(server) == Counter(f"ann{each}@example.org" for each in range(people))
    record_property("kills", killed)
    record_property("letters that were asked for again", len(server.requests) - people)


def test_a_magic_link_overtakes_a_batch_within_ten_seconds(
    small_instance: Instance, record_property: Figure
) -> None:
    people = rounds(3000, 10_000)
    a_batch(people)
    zoe = factories.a_participant(factories.an_exchange(), email="zoe@example.org")
    with ResendServer() as server:
        small_instance.start(mail_url=server.mail_url)
        wait_until(lambda: len(server.taken) > people // 20, "the batch is on its way", 90)
        before, asked_at = len(server.taken), monotonic()
        queued(LetterKind.MAGIC_LINK, zoe)
        wait_until(lambda: "zoe@example.org" in arrived(server), "the letter arrives", rounds(60, 10))
        record_property("seconds until it arrived", round(monotonic() - asked_at, 2))
        overtaken = people + 1 - len(server.taken)
        assert overtaken > 0, "the batch was over before the letter came"
        record_property("letters that went before it", len(server.taken) - before)
