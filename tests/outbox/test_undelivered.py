"""Letters that did not arrive: their organizer is told once, and only while there is something to mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.core.errors import MailPermanent
from sneaky.exchanges import corrections
from sneaky.letters import catalogue
from sneaky.models import Exchange, ExchangeState, Letter, LetterKind, LetterState, Organizer, Participant
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.leases import LEASE, MOST_TRIES, take_over, turn
from sneaky.outbox.transports.memory import MemoryTransport
from tests.factories import a_participant, an_exchange, an_organizer
from tests.outbox.letters import a_letter, plain

START = datetime(2026, 12, 1, 12, 20, tzinfo=UTC)
K = LetterKind


def refusing(*addresses: str) -> MemoryTransport:
    return MemoryTransport(failures=dict.fromkeys(addresses, MailPermanent("550 5.1.1 User unknown")))


def a_letter_to(name: str, exchange_id: int) -> int:
    email = f"{name}@example.org"
    participant_id = a_participant(exchange_id, name=name, email=email)
    with transaction():
        queue.put(K.MATCH, email, exchange_id=exchange_id, participant_id=participant_id)
    return participant_id


def warnings() -> list[Letter]:
    db.session.remove()
    return list(db.session.scalars(select(Letter).where(Letter.kind == K.UNDELIVERED).order_by(Letter.id)))


def test_refused_address_warns_the_organizer_at_the_full_hour(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        organizer_id = an_organizer(email="olga@example.org")
        exchange_id = an_exchange(organizer_id, state=ExchangeState.MATCHED)
        for name in ("ann", "bob", "cid"):
            a_letter_to(name, exchange_id)
        assert deliver(plain, transport=refusing("ann@example.org", "bob@example.org")).dead == 2
        (warning,) = warnings()
        assert (warning.to_email, warning.organizer_id) == ("olga@example.org", organizer_id)
        assert warning.next_try_at == START.replace(hour=13, minute=0)
        clock.move_to(warning.next_try_at)
        line = MemoryTransport()
        assert deliver(catalogue.render, transport=line).sent == 1
        text = line.sent[0].as_string().lower()
        assert not any(f"{name}@" in text for name in ("ann", "bob", "cid"))
        a_letter_to("dora", exchange_id)
        deliver(plain, transport=refusing("dora@example.org"))
        assert len(warnings()) == 2


def test_letter_given_up_after_its_last_try_warns_too(app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        a_letter_to("ann", an_exchange(state=ExchangeState.MATCHED))
        for _ in range(MOST_TRIES):
            assert warnings() == []
            turn(None, wants_next=True)
            clock.shift(LEASE)
            take_over()
        assert len(warnings()) == 1


@pytest.mark.parametrize(
    "mended",
    [
        {"state": ExchangeState.COMPLETED},
        {"participant": "withdrawn"},
        {"address": "anna@example.org"},
        {"discarded": True},
    ],
    ids=str,
)
def test_what_was_mended_meanwhile_is_not_told(app: Flask, mended: dict[str, Any]) -> None:
    with time_machine.travel(START, tick=False) as clock:
        exchange_id = an_exchange(state=ExchangeState.MATCHED)
        ann = a_letter_to("ann", exchange_id)
        deliver(plain, transport=refusing("ann@example.org"))
        _mend(exchange_id, ann, mended)
        deliver(plain, transport=MemoryTransport())
        clock.shift(timedelta(hours=1))
        assert deliver(catalogue.render, transport=MemoryTransport()).discarded == 1
    assert warnings()[0].state is LetterState.DISCARDED


def _mend(exchange_id: int, participant_id: int, how: dict[str, Any]) -> None:
    if "address" in how:
        corrections.correct(
            participant_id, name="Ann", email=how["address"], is_guarded=False, household=None
        )
    if "discarded" in how:
        queue.discard(None)
    with transaction() as session:
        if "state" in how:
            exchange = session.get_one(Exchange, exchange_id)
            exchange.state, exchange.completed_at = how["state"], START
            exchange.completed_reason = "cancelled"  # type: ignore[assignment]
        if "participant" in how:
            session.get_one(Participant, participant_id).state = how["participant"]


def test_letters_that_nobody_else_can_mend_warn_nobody(app: Flask) -> None:
    over = an_exchange(state=ExchangeState.COMPLETED, completed_at=START, completed_reason="cancelled")
    a_letter_to("ann", over)
    a_letter("stranger@example.org", K.MAGIC_LINK)
    with transaction() as session:
        olga = session.scalars(select(Organizer)).first()
        assert olga is not None
        queue.put(K.PURGE_WARNING, olga.email, organizer_id=olga.id, exchange_id=over)
        addresses = list(session.scalars(select(Letter.to_email)))
    assert deliver(plain, transport=refusing(*addresses)).dead == 3
    assert warnings() == []


def test_what_came_back_is_tried_again_taken_out_and_readdressed_like_what_was_refused(app: Flask) -> None:
    exchange_id = an_exchange(state=ExchangeState.MATCHED)
    people = [a_letter_to(name, exchange_id) for name in ("ann", "bob", "cid", "dora")]
    with transaction() as session:
        for letter in session.scalars(select(Letter)):
            letter.state, letter.settled_at = LetterState.BOUNCED, START
    assert (queue.counts().bounced, queue.counts().undelivered) == (4, 4)
    assert [len(queue.page(state, 1).letters) for state in (LetterState.DEAD, LetterState.BOUNCED)] == [4, 4]
    assert queue.readdress(people[0], "anna@example.org") == 1
    ids = {row.to_email: row.id for row in queue.page(LetterState.BOUNCED, 1).letters}
    assert queue.retry([ids["bob@example.org"]]) == 1
    assert queue.discard([ids["cid@example.org"]]) == 1
    assert queue.retry(None) == 1
    assert queue.counts().undelivered == 0


def test_only_what_was_given_up_gets_another_key(app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        waiting, given_up = a_letter("ann@example.org"), a_letter("bob@example.org")
        with transaction() as session:
            session.get_one(Letter, waiting).state = LetterState.FAILED
            session.get_one(Letter, given_up).state = LetterState.DEAD
        clock.shift(60)
        assert queue.retry([waiting, given_up]) == 2
        db.session.remove()
        assert db.session.get_one(Letter, waiting).created_at == START
        assert db.session.get_one(Letter, given_up).created_at == START + timedelta(minutes=1)
