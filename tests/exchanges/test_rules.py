"""Exclusions and households: made, listed and taken back until the draw."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import exclusions, households, lifecycle, participants
from sneaky.models import Exclusion, Household
from tests import factories


@pytest.fixture
def exchange_id(app: Flask) -> int:
    return factories.an_exchange()


@pytest.fixture
def trio(exchange_id: int) -> list[int]:
    return [factories.a_participant(exchange_id, name=name) for name in ("Ann", "Bob", "Cid")]


def listed(exchange_id: int) -> list[tuple[str, str, bool]]:
    return [(row.giver_name, row.recipient_name, row.is_mutual) for row in exclusions.listed(exchange_id)]


class TestExclusions:
    def test_one_way_and_mutual(self, exchange_id: int, trio: list[int]) -> None:
        ann, bob, cid = trio
        exclusions.exclude(exchange_id, bob, ann, is_mutual=False)
        exclusions.exclude(exchange_id, cid, bob, is_mutual=True)
        assert listed(exchange_id) == [("Bob", "Ann", False), ("Bob", "Cid", True)]

    def test_twice_is_once_and_both_ways_are_mutual(self, exchange_id: int, trio: list[int]) -> None:
        ann, bob, _cid = trio
        for _ in range(2):
            exclusions.exclude(exchange_id, ann, bob, is_mutual=False)
        exclusions.exclude(exchange_id, bob, ann, is_mutual=True)
        assert listed(exchange_id) == [("Ann", "Bob", True)]
        assert len(db.session.scalars(select(Exclusion)).all()) == 2

    def test_allowing_one_way_leaves_the_other(self, exchange_id: int, trio: list[int]) -> None:
        ann, bob, _cid = trio
        exclusions.exclude(exchange_id, ann, bob, is_mutual=True)
        exclusions.allow(exchange_id, ann, bob)
        assert listed(exchange_id) == [("Bob", "Ann", False)]
        exclusions.allow(exchange_id, ann, bob)

    def test_people_who_withdrew_are_not_listed(self, exchange_id: int, trio: list[int]) -> None:
        exclusions.exclude(exchange_id, trio[0], trio[1], is_mutual=True)
        participants.withdraw(trio[1])
        assert listed(exchange_id) == []

    def test_refusals(self, exchange_id: int, trio: list[int]) -> None:
        ann, bob, _cid = trio
        stranger = factories.a_participant(factories.an_exchange())
        with pytest.raises(RuleBroken, match="themselves anyway") as broken:
            exclusions.exclude(exchange_id, ann, ann, is_mutual=False)
        assert broken.value.field == "recipient"
        with pytest.raises(NotFound):
            exclusions.exclude(exchange_id, ann, stranger, is_mutual=False)
        lifecycle.mark_matched(exchange_id)
        with pytest.raises(RuleBroken, match="undo it to change them"):
            exclusions.exclude(exchange_id, ann, bob, is_mutual=False)
        with pytest.raises(RuleBroken, match="undo it to change them"):
            exclusions.allow(exchange_id, ann, bob)


class TestHouseholds:
    def test_names_match_in_any_case_and_empty_ones_go(self, exchange_id: int, trio: list[int]) -> None:
        ann, bob, cid = trio
        households.assign(ann, " Müller ")
        households.assign(bob, "MÜLLER")
        households.assign(cid, "Smith")
        found = [(home.name, [one.name for one in home.members]) for home in households.listed(exchange_id)]
        assert found == [("Müller", ["Ann", "Bob"]), ("Smith", ["Cid"])]
        households.assign(cid, None)
        households.assign(bob, "  ")
        assert db.session.scalars(select(Household.name)).all() == ["Müller"]
        (home,) = households.listed(exchange_id)
        assert [member.participant_id for member in home.members] == [ann]
        assert home.members[0].public_id

    def test_the_same_name_elsewhere_is_another_household(self, exchange_id: int, trio: list[int]) -> None:
        other = factories.an_exchange()
        households.assign(trio[0], "Miller")
        households.assign(factories.a_participant(other), "Miller")
        assert len(db.session.scalars(select(Household)).all()) == 2

    def test_who_withdrew_lives_nowhere(self, exchange_id: int, trio: list[int]) -> None:
        households.assign(trio[0], "Miller")
        participants.withdraw(trio[0])
        assert households.listed(exchange_id) == []

    def test_refusals(self, exchange_id: int, trio: list[int]) -> None:
        with pytest.raises(RuleBroken) as broken:
            households.assign(trio[0], "x" * 121)
        assert broken.value.field == "household"
        with pytest.raises(NotFound):
            households.assign(999, "Miller")
        lifecycle.mark_matched(exchange_id)
        with pytest.raises(RuleBroken, match="undo it to change them"):
            households.assign(trio[0], "Miller")
