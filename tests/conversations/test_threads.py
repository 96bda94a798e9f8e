"""Giver and recipient talk without the recipient learning who writes."""

from __future__ import annotations

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky import conversations
from sneaky.conversations import Unread, threads
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import reveal
from sneaky.exchanges import lifecycle
from sneaky.models import Message, MessageAuthor
from tests import factories
from tests.draws import drawn

GIVER, RECIPIENT = MessageAuthor.GIVER, MessageAuthor.RECIPIENT


@pytest.fixture
def pair(app: Flask) -> tuple[int, int]:
    """A giver who has opened the match, and the recipient."""
    exchange_id, people = drawn.a_drawn_exchange(5)
    reveal.reveal(people[0])
    return people[0], drawn.pairs(exchange_id)[people[0]]


def bodies(participant_id: int, side: MessageAuthor) -> list[tuple[bool, str]]:
    thread = conversations.thread(participant_id, side)
    return [(message.is_mine, message.body) for message in thread.messages]


@time_machine.travel("2026-12-01T23:42:17+00:00", tick=False)
def test_both_sides_see_the_same_talk_from_their_side(pair: tuple[int, int]) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, " What size? \r\n")
    conversations.write(recipient, RECIPIENT, "M, please.\nThank you!")
    assert bodies(giver, GIVER) == [(True, "What size?"), (False, "M, please.\nThank you!")]
    assert bodies(recipient, RECIPIENT) == [(False, "What size?"), (True, "M, please.\nThank you!")]
    (message, *_others) = conversations.thread(giver, GIVER).messages
    assert message.sent_on.isoformat() == "2026-12-01"
    stored = db.session.scalars(select(Message)).all()
    assert {(row.sent_at.minute, row.sent_at.second) for row in stored} == {(0, 0)}
    assert all(b"size" not in row.body_sealed for row in stored)


def test_the_other_conversation_is_another_one(pair: tuple[int, int]) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, "Hello")
    assert bodies(giver, RECIPIENT) == []
    reveal.reveal(recipient)
    assert bodies(recipient, GIVER) == []


def test_unread_counts_by_side_until_read(pair: tuple[int, int]) -> None:
    giver, recipient = pair
    conversations.write(giver, GIVER, "One")
    conversations.write(giver, GIVER, "Two")
    conversations.write(recipient, RECIPIENT, "Three")
    assert conversations.unread(recipient) == Unread(from_giver=2, from_recipient=0)
    assert conversations.unread(giver) == Unread(from_giver=0, from_recipient=1)
    conversations.mark_read(recipient, GIVER)
    assert conversations.unread(recipient) == Unread(2, 0)
    conversations.mark_read(recipient, RECIPIENT)
    assert conversations.unread(recipient) == Unread(0, 0)
    assert conversations.unread(giver) == Unread(0, 1)


def test_giver_opens_the_match_first(app: Flask) -> None:
    _exchange_id, people = drawn.a_drawn_exchange(4)
    assert conversations.thread(people[0], GIVER) == conversations.Thread((), can_write=False)
    with pytest.raises(RuleBroken, match="Open your match first"):
        conversations.write(people[0], GIVER, "Hello")
    conversations.write(people[0], RECIPIENT, "Dear giver")


def test_before_the_draw_there_is_nobody_to_write_to(app: Flask) -> None:
    person = factories.a_participant(factories.an_exchange())
    with pytest.raises(RuleBroken, match="nobody to write to"):
        conversations.write(person, RECIPIENT, "Hello")
    assert conversations.unread(person) == Unread(0, 0)
    conversations.mark_read(person, RECIPIENT)


def test_once_it_is_over_one_can_only_read(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(4)
    conversations.write(people[0], RECIPIENT, "Hello")
    lifecycle.cancel(exchange_id)
    thread = conversations.thread(people[0], RECIPIENT)
    assert (len(thread.messages), thread.can_write) == (1, False)
    with pytest.raises(RuleBroken, match="over"):
        conversations.write(people[0], RECIPIENT, "Hello again")


@pytest.mark.parametrize("body", ["", " \n ", "x" * 2001, "bell\a"])
def test_bad_messages_are_refused(pair: tuple[int, int], body: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        conversations.write(pair[0], GIVER, body)
    assert broken.value.field == "body"
    assert bodies(pair[0], GIVER) == []


def test_a_conversation_is_full_some_day(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST_MESSAGES", 2)
    for _ in range(2):
        conversations.write(pair[0], GIVER, "Hello")
    with pytest.raises(RuleBroken, match="full"):
        conversations.write(pair[0], GIVER, "Hello")


def test_stranger_has_no_conversation(app: Flask) -> None:
    assert conversations.thread(999, RECIPIENT).messages == ()
    with pytest.raises(NotFound):
        threads._is_live(999)
