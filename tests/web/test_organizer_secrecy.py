"""After a mending and a rescue no page tells whom it concerned: not to the organizer, not to an admin."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.draws import repair, reveal
from sneaky.draws.repair import Repair
from sneaky.exchanges import mailing
from sneaky.letters import catalogue
from sneaky.models import AuditEntry, Letter
from sneaky.models.states import TELLING
from sneaky.outbox import delivery
from sneaky.outbox.transports.memory import MemoryTransport
from tests.draws import drawn
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.exchanging import drawn as drawn_by_organizer
from tests.web.exchanging import name_of, path_of, person_id, recipients
from tests.web.signing_in import csrf_token, sign_in_organizer
from tests.web.test_organizer_access import addresses

START = datetime.fromisoformat("2026-12-01T08:00:00+00:00")
PEOPLE = 7


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def a_mended_exchange(organizer_id: int, seed: int, clock: time_machine.Traveller) -> tuple[int, list[int]]:
    """Seven people who have looked; the first leaves, somebody gives for the second, the rest is nudged."""
    clock.move_to(START + timedelta(microseconds=seed))
    exchange_id = an_exchange(organizer_id, name="Winter")
    people = [
        a_participant(exchange_id, name=f"Guest {number}", email=f"guest{number}@example.org")
        for number in range(PEOPLE)
    ]
    drawn.draw(exchange_id, seed=seed)
    for person in people:
        reveal.reveal(person)
    clock.shift(timedelta(days=1))
    deliver()
    repair.apply(exchange_id, Repair(leaving=(people[0],)), rng=random.Random(seed))
    repair.rescue(exchange_id, people[1], people[2:], rng=random.Random(seed))
    clock.shift(timedelta(days=1))
    mailing.nudge(exchange_id)
    deliver()
    for person in people[1:]:
        reveal_if_possible(person)
    return exchange_id, people


def deliver() -> None:
    delivery.deliver(render=catalogue.render, transport=MemoryTransport(), limit=1000)


def reveal_if_possible(person: int) -> None:
    try:
        reveal.reveal(person)
    except RuleBroken:
        return


def pages(client: FlaskClient, app: Flask, exchange_id: int, people: list[int]) -> dict[str, str]:
    """Every page about the exchange, with the same ids and tokens whichever exchange it is."""
    own_id = path_of(exchange_id).rsplit("/", 1)[1]
    stands_for = {own_id: "exchange"} | {person_id(one): f"person-{n}" for n, one in enumerate(people)}
    found = {}
    for person in people[1:]:
        for method, address in addresses(app, own_id, person_id(person)):
            if method == "GET":
                found[address] = client.get(address).text
    return {alike(address, stands_for): alike(page, stands_for) for address, page in found.items()}


def alike(text: str, stands_for: dict[str, str]) -> str:
    for public_id, name in stands_for.items():
        text = text.replace(public_id, name)
    text = re.sub(r'(name="(?:csrf_token|seen)" value=")[^"]+', r"\1", text)
    return re.sub(r"(:\d\d)\.\d{6}", r"\1", text)


def test_the_pages_are_the_same_whoever_got_somebody_new(
    client: FlaskClient, app: Flask, clock: time_machine.Traveller
) -> None:
    organizer_id = an_organizer(is_admin=True)
    worlds = []
    for seed in (1, 2, 3):
        exchange_id, people = a_mended_exchange(organizer_id, seed, clock)
        sign_in_organizer(client, organizer_id)
        told = db.session.scalars(
            select(Letter.participant_id).where(Letter.exchange_id == exchange_id, Letter.kind.in_(TELLING))
        )
        concerned = frozenset(people.index(person or 0) for person in told)
        worlds.append((concerned, pages(client, app, exchange_id, people)))
    assert len({concerned for concerned, _pages in worlds}) > 1, "it concerned others each time"
    (_first, expected), *others = worlds
    for _concerned, found in others:
        assert found.keys() == expected.keys()
        assert [address for address in found if found[address] != expected[address]] == []


def test_what_a_mending_would_mean_tells_nobody_who_gives_to_whom(client: FlaskClient) -> None:
    exchange_id, people = drawn_by_organizer(client, PEOPLE)
    page, gives = path_of(exchange_id, "repair"), recipients(exchange_id)
    token = csrf_token(client.get(page).text)
    ids = {name: "person" for person in people for name in (person_id(person), name_of(person))}
    for field in ("leaving", "swapping"):
        answers: dict[str, set[bool]] = {}
        for one, other in itertools.combinations(people, 2):
            asked = {"csrf_token": token, field: [person_id(one), person_id(other)]}
            answer = client.post(page, data=asked)
            assert "This is what it means" in answer.text
            meaning = alike(answer.text[: answer.text.index("Or change it")], ids)
            answers.setdefault(meaning, set()).add(gives[one] == other or gives[other] == one)
        assert list(answers.values()) == [{True, False}]


def test_an_admin_sees_such_letters_without_their_addressee(
    client: FlaskClient, app: Flask, clock: time_machine.Traveller
) -> None:
    organizer_id = an_organizer(is_admin=True)
    a_mended_exchange(organizer_id, 1, clock)
    sign_in_organizer(client, organizer_id)
    hidden = db.session.scalars(select(Letter).where(Letter.kind.in_(TELLING))).all()
    assert len(hidden) >= 2
    rows = re.findall(r"<tr>.*?</tr>", client.get("/operations/outbox").text, re.DOTALL)
    assert sum("hidden, so that nobody can tell" in row and "@" not in row for row in rows) == len(hidden)
    assert sum("guest" in row for row in rows) == PEOPLE
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "match.revealed")).all()
    assert [entry.details for entry in entries] == [{}] * PEOPLE
