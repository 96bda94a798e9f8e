"""Givers hear of changed wish lists late, collected, once a day, and only if they have opened their match."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from sneaky import wishlists
from sneaky.core.db import db, transaction
from sneaky.draws import reveal
from sneaky.matches import seals
from sneaky.models import (
    Draw,
    ExchangeState,
    Letter,
    LetterKind,
    Match,
    Participant,
    ParticipantState,
)
from tests import factories

START = datetime.fromisoformat("2026-12-01T10:20:00+00:00")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def people(app: Flask, clock: time_machine.Traveller) -> list[int]:
    """Four people who give in a round, each to the next, and have opened their matches."""
    return a_round(4)


def a_round(number: int) -> list[int]:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
    people = factories.participants(exchange_id, number)
    with transaction() as session:
        draw = Draw(
            exchange_id=exchange_id, method="rejection", attempts=1, participant_count=number, drawn_at=START
        )
        session.add(draw)
        session.flush()
        seals.store(draw.id, dict(zip(people, [*people[1:], people[0]], strict=True)), random.Random(1))
        session.execute(update(Match).values(revealed_at=START))
    return people


def told() -> list[int | None]:
    return list(
        db.session.scalars(
            select(Letter.participant_id)
            .where(Letter.kind == LetterKind.WISH_LIST_CHANGED)
            .order_by(Letter.participant_id)
        )
    )


def changes() -> list[datetime]:
    """The changes that nobody has been told of."""
    pending = select(Match.wish_list_changed_at).where(Match.wish_list_changed_at.is_not(None))
    return [at for at in db.session.scalars(pending) if at]


def test_after_a_quiet_hour_the_giver_is_told_once(people: list[int], clock: time_machine.Traveller) -> None:
    giver, recipient = people[0], people[1]
    wishlists.add(recipient, "Tea")
    wishlists.add(recipient, "Milk")
    clock.move_to(START + timedelta(hours=1))
    assert wishlists.tell_givers(10) == 0
    clock.move_to(START + timedelta(hours=1, minutes=40))
    assert wishlists.tell_givers(10) == 1
    assert wishlists.tell_givers(10) == 0
    assert told() == [giver]
    assert changes() == []


def test_a_list_that_keeps_changing_waits(people: list[int], clock: time_machine.Traveller) -> None:
    for hours in range(5):
        clock.move_to(START + timedelta(hours=hours))
        wishlists.add(people[1], f"Idea {hours}")
        assert wishlists.tell_givers(10) == 0


def test_once_a_day_at_most(people: list[int], clock: time_machine.Traveller) -> None:
    wishlists.add(people[1], "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(10) == 1
    wishlists.add(people[1], "Milk")
    clock.move_to(START + timedelta(hours=25))
    assert wishlists.tell_givers(10) == 0
    clock.move_to(START + timedelta(hours=26))
    assert wishlists.tell_givers(10) == 1
    assert told() == [people[0]] * 2


@pytest.mark.parametrize(
    "values",
    [{"wants_notices": False}, {"state": ParticipantState.WITHDRAWN}],
)
def test_who_does_not_want_to_hear_is_left_alone(
    people: list[int], clock: time_machine.Traveller, values: dict[str, object]
) -> None:
    with transaction() as session:
        session.execute(update(Participant).where(Participant.id == people[0]).values(**values))
    wishlists.add(people[1], "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(10) == 0
    assert told() == []


def test_a_sealed_match_needs_no_notice_and_opening_it_shows_the_list(
    people: list[int], clock: time_machine.Traveller
) -> None:
    with transaction() as session:
        session.execute(update(Match).values(revealed_at=None))
    wishlists.add(people[1], "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(10) == 0
    assert changes() == [START.replace(minute=0)]
    reveal.reveal(people[0])
    assert changes() == []


def test_nobody_to_tell_where_nothing_was_drawn(app: Flask, clock: time_machine.Traveller) -> None:
    person = factories.a_participant(factories.an_exchange(state=ExchangeState.MATCHED))
    wishlists.add(person, "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(10) == 0


def test_a_stand_in_is_told_in_the_place_of_the_giver(
    people: list[int], clock: time_machine.Traveller
) -> None:
    seals.set_stand_in(db.session.scalars(select(Draw.id)).one(), people[0], people[2])
    wishlists.add(people[1], "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(10) == 1
    assert told() == [people[2]]


def test_limit_takes_some_now_and_the_rest_later(any_app: Flask, clock: time_machine.Traveller) -> None:
    people = a_round(6)
    for person in people:
        wishlists.add(person, "Tea")
    clock.move_to(START + timedelta(hours=2))
    assert wishlists.tell_givers(4) == 4
    assert wishlists.tell_givers(4) == 2
    assert told() == sorted(people)
