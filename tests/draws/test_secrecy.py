"""Nothing in the database joins a giver and a recipient: no row, no shared id, no equal instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import Column, Table, select

from sneaky import conversations, wishlists
from sneaky.access import magic_links, sessions
from sneaky.core.db import Base, db, transaction
from sneaky.draws import reveal
from sneaky.exchanges import mailing, participants
from sneaky.letters import catalogue
from sneaky.models import MessageAuthor, Participant, TokenPurpose
from sneaky.outbox import delivery, links
from sneaky.outbox.transports.memory import MemoryTransport
from tests import factories
from tests.draws import drawn

START = datetime.fromisoformat("2026-12-01T08:00:00+00:00")
NUMBER = 5
LONG = 16
Row = dict[str, Any]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


class Season:
    """A draw, then for each pair a day of their own with every trace that giver and recipient can leave.

    Two people alone on a day are the hardest case for what instants might tell. Each act has its own moment.
    """

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.clock = clock
        self.sent: list[EmailMessage] = []
        exchange_id = factories.an_exchange(event_local=datetime(2026, 12, 24, 18))  # noqa: DTZ001
        for number in range(NUMBER):
            self.at_its_own_time(
                partial(participants.add, exchange_id, f"Guest {number} Quux", f"guest{number}@quux.example")
            )
        self.at_its_own_time(partial(drawn.draw, exchange_id))
        self.at_its_own_time(partial(mailing.nudge, exchange_id))
        self.at_its_own_time(self.deliver)
        self.recipient_of = drawn.pairs(exchange_id)
        for person in self.recipient_of:
            participants.mark_seen(person)
        for number, (giver, recipient) in enumerate(self.recipient_of.items(), start=1):
            clock.move_to(START + timedelta(days=number, hours=2, minutes=11, seconds=3))
            self.a_day(giver, recipient)

    def at_its_own_time(self, act: Callable[[], object]) -> None:
        self.clock.shift(timedelta(minutes=31, seconds=7, microseconds=13))
        act()
        db.session.rollback()

    def a_day(self, giver: int, recipient: int) -> None:
        acts: list[Callable[[], object]] = [
            partial(sign_in, giver),
            partial(reveal.reveal, giver),
            partial(conversations.write, giver, MessageAuthor.GIVER, "What size do you wear?"),
            *[self.deliver] * 3,
            partial(sign_in, recipient),
            partial(conversations.mark_read, recipient, MessageAuthor.RECIPIENT),
            partial(conversations.write, recipient, MessageAuthor.RECIPIENT, "Size M, thank you."),
            partial(wishlists.add, recipient, "Tea", note="green"),
            partial(participants.set_postal_address, recipient, "1 Main Street"),
            *[self.deliver] * 6,
            partial(conversations.mark_read, giver, MessageAuthor.GIVER),
            partial(reveal.mark_gift, giver, "has_gift", True),
            partial(reveal.mark_gift, giver, "sent", True),
            partial(reveal.mark_gift, recipient, "received", True),
            partial(mailing.hand_out_link, recipient),
            self.deliver,
        ]
        for act in acts:
            self.at_its_own_time(act)

    def deliver(self) -> None:
        """What the tick does: notices are queued, then every letter is written and sent."""
        wishlists.tell_givers(100)
        conversations.tell_unread(100)
        transport = MemoryTransport()
        delivery.deliver(render=catalogue.render, transport=transport, limit=1000)
        self.sent += transport.sent


@pytest.fixture
def season(app: Flask, clock: time_machine.Traveller, caplog: pytest.LogCaptureFixture) -> Season:
    caplog.set_level("DEBUG")
    return Season(clock)


def sign_in(participant_id: int) -> None:
    with transaction():
        minted = links.mint(
            TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15), participant_id=participant_id
        )
    magic_links.redeem(minted.token)
    sessions.rotate(None, participant_id=participant_id, data={})


def rows() -> list[tuple[str, Row]]:
    return [
        (table.name, dict(row))
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(select(table)).mappings()
    ]


def words_of() -> dict[int, list[str]]:
    """What names a participant in clear: name, address, public id."""
    return {
        person.id: [person.name, person.email, person.public_id]
        for person in db.session.scalars(select(Participant))
    }


def named_in(table: Table, row: Row, words: dict[int, list[str]]) -> set[int]:
    """The participants that one row names: by a reference, as itself, or in any text it holds."""
    named = {row["id"]} if table.name == "participant" else set()
    for column in table.columns:
        value = row[column.name]
        if any(key.column.table.name == "participant" for key in column.foreign_keys) and value is not None:
            named.add(value)
        if isinstance(value, dict) and "participant" in value:
            named.add(value["participant"])
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        named |= {person for person, told in words.items() if any(word in text for word in told)}
    return named


def with_descent(found: list[tuple[str, Row, set[int]]]) -> list[tuple[str, Row, set[int]]]:
    """Let a row also name whom the rows it refers to name: a message, through its match, the giver.

    References to what all share (exchange, draw, organizer) tell nothing.
    """
    tables = Base.metadata.tables
    known: dict[tuple[str, object], set[int]] = {}
    descended = []
    for name, row, named in found:
        for column in tables[name].columns:
            for key in column.foreign_keys:
                named = named | known.get((key.column.table.name, row[column.name]), set())
        known[(name, row.get("id"))] = set() if name in {"exchange", "draw", "organizer"} else named
        descended.append((name, row, named))
    return descended


def kind_of(column: Column[Any], value: object) -> str | None:
    """What a value could join rows by: an id of some table, an instant, a token; None for the others."""
    for key in column.foreign_keys:
        return key.column.table.name
    if column.primary_key:
        return column.table.name
    if isinstance(value, datetime):
        return "instant"
    if isinstance(value, bytes) or (isinstance(value, str) and len(value) >= LONG):
        return "token"
    return None


def joins(named: set[int], pairs: set[tuple[int, int]]) -> bool:
    return any(giver in named and recipient in named for giver, recipient in pairs)


def test_a_season_joins_no_giver_with_a_recipient(season: Season) -> None:
    pairs, words = set(season.recipient_of.items()), words_of()
    tables = Base.metadata.tables
    found = [(name, row, named_in(tables[name], row, words)) for name, row in rows()]

    together = [(name, named) for name, _row, named in found if joins(named, pairs)]
    assert together == [], "one row names both"

    by_value: dict[tuple[str, object], set[int]] = defaultdict(set)
    for name, row, named in with_descent(found):
        for column in tables[name].columns:
            value = row[column.name]
            kind = kind_of(column, value)
            if kind is not None and value is not None:
                by_value[kind, value] |= named
    shared = {value: named for value, named in by_value.items() if len(named) < NUMBER}
    assert {value: named for value, named in shared.items() if joins(named, pairs)} == {}
    assert len(shared) > 300, "there was something to look at"


def test_letters_and_log_of_a_season_name_nobody_but_their_addressee(
    season: Season, caplog: pytest.LogCaptureFixture
) -> None:
    words = words_of()
    by_email = {told[1]: person for person, told in words.items()}
    assert len(season.sent) >= 5 * NUMBER
    for message in season.sent:
        reader = by_email[message["To"].addresses[0].addr_spec]
        parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
        text = "".join([str(message["Subject"]), *parts])
        others = [told for person, told in words.items() if person != reader]
        assert not any(word in text for told in others for word in told)
    assert not any(word in caplog.text for told in words.values() for word in told)


def test_the_search_would_find_a_leak() -> None:
    words = {1: ["Ann", "ann@example.org", "a" * 22], 2: ["Bob", "bob@example.org", "b" * 22]}
    letter = Base.metadata.tables["letter"]
    row = dict.fromkeys(letter.columns.keys()) | {"participant_id": 1, "facts": {"to": "Bob"}}
    assert named_in(letter, row, words) == {1, 2}
    message, conversation, match = (
        Base.metadata.tables[name] for name in ("message", "conversation", "match")
    )
    chain: list[tuple[str, Row, set[int]]] = [
        (match.name, dict.fromkeys(match.columns.keys()) | {"id": "m"}, {1}),
        (conversation.name, dict.fromkeys(conversation.columns.keys()) | {"id": "c", "match_id": "m"}, set()),
        (message.name, dict.fromkeys(message.columns.keys()) | {"id": 1, "conversation_id": "c"}, {2}),
    ]
    assert with_descent(chain)[-1][2] == {1, 2}
