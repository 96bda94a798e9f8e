"""Unread messages are told of by the hour, never at the instant they were written."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from sneaky import conversations
from sneaky.core.db import db, transaction
from sneaky.draws import reveal
from sneaky.exchanges import lifecycle
from sneaky.models import Letter, LetterKind, Message, MessageAuthor, Participant
from tests.draws import drawn

START = datetime.fromisoformat("2026-12-01T10:20:00+00:00")
GIVER, RECIPIENT = MessageAuthor.GIVER, MessageAuthor.RECIPIENT


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pair(app: Flask, clock: time_machine.Traveller) -> tuple[int, int]:
    exchange_id, people = drawn.a_drawn_exchange(5)
    reveal.reveal(people[0])
    return people[0], drawn.pairs(exchange_id)[people[0]]


def told() -> list[tuple[int | None, str]]:
    letters = db.session.scalars(
        select(Letter).where(Letter.kind == LetterKind.NEW_MESSAGE).order_by(Letter.id)
    )
    return [(letter.participant_id, letter.facts["side"]) for letter in letters]


def test_all_messages_of_an_hour_are_told_by_one_letter_a_little_later(
    pair: tuple[int, int], clock: time_machine.Traveller
) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, "One")
    clock.shift(timedelta(minutes=20))
    conversations.write(giver, GIVER, "Two")
    clock.move_to(START.replace(minute=9) + timedelta(hours=1))
    assert conversations.tell_unread(10) == 0
    clock.shift(timedelta(minutes=1))
    assert conversations.tell_unread(10) == 1
    assert conversations.tell_unread(10) == 0
    assert told() == [(recipient, "recipient")]


def test_giver_is_told_what_the_recipient_wrote(pair: tuple[int, int], clock: time_machine.Traveller) -> None:
    giver, recipient = pair
    conversations.write(recipient, RECIPIENT, "Dear giver")
    clock.shift(timedelta(hours=2))
    assert conversations.tell_unread(10) == 1
    assert told() == [(giver, "giver")]


def test_what_was_read_is_not_told(pair: tuple[int, int], clock: time_machine.Traveller) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, "One")
    conversations.mark_read(recipient, RECIPIENT)
    clock.shift(timedelta(hours=2))
    assert conversations.tell_unread(10) == 0


def test_who_does_not_want_notices_is_left_alone(
    pair: tuple[int, int], clock: time_machine.Traveller
) -> None:
    giver, recipient = pair
    with transaction() as session:
        session.execute(update(Participant).where(Participant.id == recipient).values(wants_notices=False))
    conversations.write(giver, GIVER, "One")
    clock.shift(timedelta(hours=2))
    assert conversations.tell_unread(10) == 0
    assert db.session.scalars(select(Message.is_told)).all() == [True]


def test_nobody_is_told_once_it_is_over_or_they_are_gone(
    pair: tuple[int, int], clock: time_machine.Traveller
) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, "One")
    conversations.write(recipient, RECIPIENT, "Two")
    lifecycle.cancel(db.session.get_one(Participant, giver).exchange_id)
    with transaction() as session:
        session.execute(delete(Participant).where(Participant.id == recipient))
    clock.shift(timedelta(hours=2))
    assert conversations.tell_unread(10) == 0
    assert db.session.scalars(select(Message.is_told)).all() == [True, True]


def test_limit_takes_some_now_and_the_rest_later(any_app: Flask, clock: time_machine.Traveller) -> None:
    _exchange_id, people = drawn.a_drawn_exchange(6)
    for person in people:
        conversations.write(person, RECIPIENT, "Dear giver")
    clock.shift(timedelta(hours=2))
    assert conversations.tell_unread(4, rng=random.Random(1)) == 4
    assert conversations.tell_unread(4, rng=random.Random(1)) == 2
    assert sorted(told()) == [(person, "giver") for person in people]
