"""Participants who go of their own accord."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask

from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct
from sneaky.draws.leaving import be_forgotten, leave
from sneaky.matches import seals
from sneaky.models import Participant, ParticipantState
from tests.factories import a_participant, an_exchange, participants


def test_leaving_and_being_forgotten_mend_a_draw(any_app: Flask) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 7)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    leave(people[0])
    be_forgotten(people[1])
    assert db.session.get(Participant, people[1]) is None
    gives = {person: seals.recipient_of(person) for person in people[2:]}
    assert set(gives.values()) == set(people[2:])
    be_forgotten(people[0])
    assert db.session.get(Participant, people[0]) is None


@pytest.mark.parametrize("go", [leave, be_forgotten])
def test_who_goes_while_the_names_are_drawn_is_mended_out(any_app: Flask, go: Callable[[int], None]) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 5)
    is_drawn = threading.Event()

    def goes() -> None:
        is_drawn.wait()
        with any_app.app_context():
            go(people[0])

    leaving = threading.Thread(target=goes)
    leaving.start()
    with transaction():
        conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
        is_drawn.set()
        leaving.join(1)
    leaving.join()
    db.session.remove()
    gives = {person: seals.recipient_of(person) for person in people[1:]}
    assert set(gives.values()) == set(people[1:])


def test_somebody_who_is_gone_cannot_go(app: Flask) -> None:
    for go in (leave, be_forgotten):
        with pytest.raises(NotFound):
            go(404)


def test_before_the_draw_leaving_is_a_withdrawal(any_app: Flask) -> None:
    person = a_participant(an_exchange())
    leave(person)
    assert db.session.get_one(Participant, person).state is ParticipantState.WITHDRAWN
    with pytest.raises(RuleBroken, match="withdrawn already"):
        leave(person)
