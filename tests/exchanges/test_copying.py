"""A copied exchange: who and what comes along, and what stays behind."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.exchanges import exclusions, households, lifecycle, name_lists, participants
from sneaky.exchanges.name_lists import PreviewRow
from sneaky.models import AvoidLastYear, Exchange, Participant, ParticipantState
from sneaky.wishlists import add, items
from tests import factories
from tests.web.exchanging import counted_queries


def test_people_households_and_exclusions_come_along(app: Flask) -> None:
    exchange_id = factories.an_exchange(avoid_last_year=AvoidLastYear.HARD)
    ann, bob, cid = (factories.a_participant(exchange_id, name=name) for name in ("Ann", "Bob", "Cid"))
    gone = factories.a_participant(exchange_id, name="Gus", state=ParticipantState.WITHDRAWN)
    households.assign(ann, "Miller")
    households.assign(bob, "Miller")
    exclusions.exclude(exchange_id, bob, cid, is_mutual=False)
    exclusions.exclude(exchange_id, cid, gone, is_mutual=True)
    participants.set_postal_address(ann, "1 Main Street")
    add(ann, "Tea")
    later = lifecycle.copy(exchange_id)
    people = db.session.scalars(select(Participant).where(Participant.exchange_id == later)).all()
    assert {person.name for person in people} == {"Ann", "Bob", "Cid"}
    assert all(person.postal_address_sealed is None and not items(person.id) for person in people)
    (home,) = households.listed(later)
    assert (home.name, [member.name for member in home.members]) == ("Miller", ["Ann", "Bob"])
    (rule,) = exclusions.listed(later)
    assert (rule.giver_name, rule.recipient_name, rule.is_mutual) == ("Bob", "Cid", False)
    assert db.session.get_one(Exchange, later).avoid_last_year is AvoidLastYear.HARD


def test_a_large_exchange_is_copied_by_a_few_statements(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    rows = [PreviewRow(f"P {n}", f"p{n}@example.org", f"Home {n // 3}") for n in range(300)]
    name_lists.add_many(exchange_id, rows)
    people = db.session.scalars(select(Participant.id).where(Participant.exchange_id == exchange_id)).all()
    with transaction():
        for giver in people[1:100]:
            exclusions.exclude(exchange_id, giver, people[0], is_mutual=False)
    with counted_queries(any_app) as statements:
        later = lifecycle.copy(exchange_id)
    assert len(statements) < 20
    assert [len(home.members) for home in households.listed(later)] == [3] * 100
    assert len(exclusions.listed(later)) == 99
