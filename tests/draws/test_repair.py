"""Mending a draw: the fewest changes, all rules kept, one letter each, counts instead of names."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from sneaky import conversations
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct, repair, reveal
from sneaky.draws.repair import Newcomer, Repair
from sneaky.exchanges import exclusions, households, lifecycle, personal_data
from sneaky.matches import seals
from sneaky.models import (
    AuditEntry,
    Conversation,
    Exchange,
    Letter,
    LetterKind,
    Match,
    MessageAuthor,
    Participant,
    ParticipantState,
)
from tests import factories
from tests.draws import drawn

GIVER, RECIPIENT = MessageAuthor.GIVER, MessageAuthor.RECIPIENT


def one_round(exchange_id: int) -> bool:
    """Whether the current matches are a draw among those who take part."""
    here = db.session.scalars(
        select(Participant.id).where(
            Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE
        )
    ).all()
    recipient_of = drawn.pairs(exchange_id)
    return sorted(recipient_of) == sorted(recipient_of.values()) == sorted(here)


def counted(table: type[Match | Conversation | Letter]) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


class TestLeaving:
    def test_only_the_giver_of_the_one_who_leaves_gets_a_new_recipient(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(7)
        before = drawn.pairs(exchange_id)
        leaver = people[0]
        assert repair.preview(exchange_id, Repair(leaving=(leaver,))) == 6
        assert drawn.pairs(exchange_id) == before
        repair.withdraw(leaver)
        after = drawn.pairs(exchange_id)
        assert one_round(exchange_id)
        changed = {giver for giver in after if after[giver] != before[giver]}
        assert changed == {giver for giver, recipient in before.items() if recipient == leaver}
        assert drawn.addressees(LetterKind.RECIPIENT_CHANGED) == list(changed)
        gone = db.session.get_one(Participant, leaver)
        assert gone.state is ParticipantState.WITHDRAWN
        assert reveal.sealed(leaver) is None
        assert counted(Match) == counted(Conversation) == 6
        (giver,) = changed
        assert reveal.sealed(giver) == reveal.SealedMatch(is_revealed=False, is_changed=True)

    def test_preview_leaves_nothing_behind(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(5)
        letters = counted(Letter)
        repair.preview(
            exchange_id, Repair(leaving=(people[0],), joining=(Newcomer("New", "new@example.org"),))
        )
        assert counted(Letter) == letters
        assert db.session.scalar(select(func.count()).select_from(Participant)) == 5

    def test_erasing_takes_the_row_along(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(5)
        repair.withdraw(people[2], is_erased=True)
        assert db.session.get(Participant, people[2]) is None
        assert one_round(exchange_id)
        actions = db.session.scalars(select(AuditEntry.action)).all()
        assert {"draw.mended", "participant.erased"} <= set(actions)

    def test_several_at_once_get_one_letter_each(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(9)
        found = repair.apply(exchange_id, Repair(leaving=tuple(people[:3])), rng=random.Random(2))
        told = drawn.addressees(LetterKind.RECIPIENT_CHANGED)
        assert len(told) == len(set(told)) == found.changed
        assert one_round(exchange_id)

    def test_last_but_one_cannot_leave(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(3)
        repair.withdraw(people[0])
        with pytest.raises(RuleBroken, match="no way to mend"):
            repair.withdraw(people[1])
        assert one_round(exchange_id)


class TestJoining:
    def test_newcomer_gets_a_match_and_a_letter(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(5)
        found = repair.apply(
            exchange_id, Repair(joining=(Newcomer(" New ", "NEW@example.org", household="Miller"),))
        )
        assert (found.changed, found.total) == (1, 6)
        newcomer = db.session.scalars(select(Participant).where(Participant.name == "New")).one()
        assert newcomer.email == "new@example.org"
        assert one_round(exchange_id)
        assert drawn.addressees(LetterKind.MATCH) == sorted([*people, newcomer.id], key=str)
        assert reveal.sealed(newcomer.id) == reveal.SealedMatch(is_revealed=False, is_changed=False)
        assert [home.name for home in households.listed(exchange_id)] == ["Miller"]

    def test_somebody_who_withdrew_or_never_confirmed_may_come_back(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(5)
        email = db.session.get_one(Participant, people[0]).email
        repair.withdraw(people[0])
        repair.apply(exchange_id, Repair(joining=(Newcomer("Back", email),)))
        assert db.session.get_one(Participant, people[0]).name == "Back"
        assert one_round(exchange_id)

    def test_children_share_an_address(self, app: Flask) -> None:
        exchange_id, _people = drawn.a_drawn_exchange(4)
        children = tuple(Newcomer(name, "parent@example.org", is_guarded=True) for name in ("Kim", "Lou"))
        repair.apply(exchange_id, Repair(joining=children))
        assert one_round(exchange_id)

    @pytest.mark.parametrize(
        ("newcomer", "field"),
        [
            (Newcomer(" ", "new@example.org"), "name"),
            (Newcomer("New", "nonsense"), "email"),
            (Newcomer("New", "taken@example.org"), "email"),
            (Newcomer("New", "new@example.org", household="x" * 121), "household"),
        ],
    )
    def test_bad_input_changes_nothing(self, app: Flask, newcomer: Newcomer, field: str) -> None:
        exchange_id = factories.an_exchange()
        factories.participants(exchange_id, 3)
        factories.a_participant(exchange_id, email="taken@example.org")
        drawn.draw(exchange_id)
        before = drawn.pairs(exchange_id)
        for act in (repair.preview, repair.apply):
            with pytest.raises(RuleBroken) as broken:
                act(exchange_id, Repair(joining=(newcomer,)))
            assert broken.value.field == field
        assert drawn.pairs(exchange_id) == before


class TestSwapping:
    def test_somebody_gets_another_recipient(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        before = drawn.pairs(exchange_id)
        found = repair.apply(exchange_id, Repair(swapping=(people[0],)))
        assert found.changed == 2
        assert drawn.pairs(exchange_id)[people[0]] != before[people[0]]
        assert one_round(exchange_id)

    def test_rules_and_options_are_kept(self, app: Flask) -> None:
        exchange_id = factories.an_exchange(no_reciprocal=True)
        people = factories.participants(exchange_id, 6)
        for person, other in itertools.pairwise(people):
            exclusions.exclude(exchange_id, person, other, is_mutual=False)
        drawn.draw(exchange_id)
        for person in people:
            repair.apply(exchange_id, Repair(swapping=(person,)))
            recipient_of = drawn.pairs(exchange_id)
            assert not recipient_of.items() & set(itertools.pairwise(people))
            assert all(recipient_of[recipient_of[giver]] != giver for giver in people)
            assert one_round(exchange_id)

    def test_where_nothing_fits_it_is_refused_without_a_name(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        people = factories.participants(exchange_id, 3)
        exclusions.exclude(exchange_id, people[0], people[1], is_mutual=False)
        drawn.draw(exchange_id)
        with pytest.raises(RuleBroken, match="Draw again for everybody") as broken:
            repair.preview(exchange_id, Repair(swapping=(people[0],)))
        assert "Ann" not in broken.value.message


class TestTalks:
    def test_old_conversation_closes_and_a_fresh_one_opens(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        giver, leaver = next((g, r) for g, r in drawn.pairs(exchange_id).items() if g == people[0])
        reveal.reveal(giver)
        conversations.write(giver, MessageAuthor.GIVER, "What size?")
        repair.withdraw(leaver)
        reveal.reveal(giver)
        thread = conversations.thread(giver, MessageAuthor.GIVER)
        assert (list(thread.messages), thread.can_write) == ([], True)


class TestRescue:
    def rescued(self, exchange_id: int, no_show: int, willing: list[int]) -> int:
        repair.rescue(exchange_id, no_show, willing)
        return seals.stand_ins(drawn.current_draw(exchange_id).id)[no_show]

    def test_one_of_the_willing_gives_a_second_gift(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        no_show, recipient = people[0], drawn.pairs(exchange_id)[people[0]]
        willing = [person for person in people if person not in {no_show, recipient}]
        helper = self.rescued(exchange_id, no_show, willing)
        opened = reveal.reveal(helper)
        (second,) = opened.second_gifts
        assert second.recipient_name == db.session.get_one(Participant, recipient).name
        assert second.recipient_name != opened.recipient_name
        assert drawn.addressees(LetterKind.SECOND_GIFT) == [helper]
        assert one_round(exchange_id)

    def test_the_no_show_gives_no_more(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        no_show, recipient = people[0], drawn.pairs(exchange_id)[people[0]]
        reveal.reveal(no_show)
        helper = self.rescued(exchange_id, no_show, people[1:])
        assert reveal.sealed(no_show) == reveal.SealedMatch(
            is_revealed=False, is_changed=True, is_taken_over=True
        )
        assert reveal.revealed(no_show) is None
        with pytest.raises(RuleBroken, match="Somebody else gives in your place"):
            reveal.reveal(no_show)
        with pytest.raises(RuleBroken, match="Open your match first"):
            reveal.mark_gift(no_show, "sent", True)
        assert seals.recipient_of(no_show) is None
        assert seals.giver_of(recipient) == helper
        organizer = db.session.get_one(Exchange, exchange_id).organizer_id
        names = {person: db.session.get_one(Participant, person).name for person in people}
        shown = reveal.break_glass(exchange_id, organizer)
        assert (names[helper], names[recipient]) in {(pair.giver, pair.recipient) for pair in shown}
        assert names[no_show] not in {pair.giver for pair in shown}

    def test_one_volunteer_alone_would_be_an_oracle(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(4)
        with pytest.raises(RuleBroken, match="at least two volunteers"):
            repair.rescue(exchange_id, people[0], [people[0], people[1]])
        with pytest.raises(NotFound):
            repair.rescue(exchange_id, people[0], [people[1], 999])

    def test_exclusions_bind_volunteers(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        people = factories.participants(exchange_id, 5)
        for helper in people[1:3]:
            for other in people[3:]:
                exclusions.exclude(exchange_id, helper, other, is_mutual=False)
        exclusions.exclude(exchange_id, people[0], people[1], is_mutual=False)
        exclusions.exclude(exchange_id, people[0], people[2], is_mutual=False)
        drawn.draw(exchange_id)
        with pytest.raises(RuleBroken, match="could show who the gift is for"):
            repair.rescue(exchange_id, people[0], people[1:3])

    def test_a_refusal_tells_nothing_about_the_gift(self, app: Flask) -> None:
        answers = set()
        for seed in range(12):
            exchange_id = factories.an_exchange()
            people = factories.participants(exchange_id, 5)
            households.assign_all(people[1:3], f"Home {seed}")
            drawn.draw(exchange_id, seed=seed)
            is_for_couple = drawn.pairs(exchange_id)[people[0]] in people[1:3]
            with pytest.raises(RuleBroken, match="different households"):
                repair.rescue(exchange_id, people[0], people[1:3])
            repair.rescue(exchange_id, people[0], people[1:4])
            answers.add(is_for_couple)
        assert answers == {True, False}

    def test_a_stand_in_who_does_not_show_up_either_is_stood_in_for_twice(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(8)
        absent = people[0]
        helper = self.rescued(exchange_id, absent, people[1:])
        repair.rescue(exchange_id, helper, people)  # who is stood in for does not count as a volunteer
        instead = self_of(exchange_id)
        assert instead.keys() == {absent, helper}
        assert not set(instead.values()) & instead.keys()
        told = set(drawn.addressees(LetterKind.SECOND_GIFT))
        assert told == {helper, *instead.values()}
        for giver, person in instead.items():
            assert drawn.pairs(exchange_id)[giver] in seals.second_matches(person).values()
        assert one_round(exchange_id)

    def test_a_second_press_changes_nothing(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(8)
        helper = self.rescued(exchange_id, people[0], people[1:])
        second = seals.second_matches(helper)
        assert self.rescued(exchange_id, people[0], people[1:]) == helper
        assert seals.second_matches(helper) == second
        assert drawn.addressees(LetterKind.SECOND_GIFT) == [helper]
        others = [person for person in people[1:] if person != helper]
        assert self.rescued(exchange_id, people[0], others) != helper

    def test_stand_in_stays_through_a_later_mending_and_never_gets_themselves(self, app: Flask) -> None:
        for seed in range(8):
            exchange_id, people = drawn.a_drawn_exchange(6, seed=seed)
            no_show = people[0]
            helper = self.rescued(exchange_id, no_show, people[1:])
            leaver = drawn.pairs(exchange_id)[no_show]
            repair.withdraw(leaver)
            assert self_of(exchange_id) == {no_show: helper}
            assert drawn.pairs(exchange_id)[no_show] != helper
            assert helper in drawn.addressees(LetterKind.RECIPIENT_CHANGED)
            repair.withdraw(helper)
            assert self_of(exchange_id) == {}
            assert no_show in drawn.addressees(LetterKind.RECIPIENT_CHANGED)
            assert one_round(exchange_id)

    def test_the_stand_in_asks_the_second_recipient_too(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        no_show, recipient = people[0], drawn.pairs(exchange_id)[people[0]]
        reveal.reveal(no_show)
        conversations.write(no_show, GIVER, "Not for the stand-in's eyes.")
        helper = self.rescued(exchange_id, no_show, people[1:])
        reveal.reveal(helper)
        (second,) = seals.second_matches(helper)
        conversations.write(helper, GIVER, "What size?", second)
        assert said(recipient, RECIPIENT) == ["What size?"]
        conversations.write(recipient, RECIPIENT, "M.")
        assert conversations.unread(helper) == conversations.Unread(0, 0, {second: 1})
        assert [message.body for message in conversations.thread(helper, GIVER, second).messages] == [
            "What size?",
            "M.",
        ]
        conversations.mark_read(helper, GIVER, second)
        assert conversations.unread(helper) == conversations.Unread(0, 0)
        assert said(helper, GIVER) == said(no_show, GIVER) == []
        assert personal_data.export(helper)["second_gifts"][0]["with_recipient"][1]["body"] == "M."
        with pytest.raises(NotFound):
            conversations.write(no_show, GIVER, "Mine?", second)

    def test_a_stand_in_who_leaves_takes_the_talk_along(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        helper = self.rescued(exchange_id, people[0], people[1:])
        reveal.reveal(helper)
        (second,) = seals.second_matches(helper)
        conversations.write(helper, GIVER, "I never told anybody, but …", second)
        repair.withdraw(helper)
        reveal.reveal(people[0])
        assert said(people[0], GIVER) == []


def said(person: int, side: MessageAuthor) -> list[str]:
    return [message.body for message in conversations.thread(person, side).messages]


def self_of(exchange_id: int) -> dict[int, int]:
    return seals.stand_ins(drawn.current_draw(exchange_id).id)


@pytest.mark.parametrize(
    "act",
    [
        lambda exchange_id, person: repair.preview(exchange_id, Repair(leaving=(person,))),
        lambda exchange_id, person: repair.apply(exchange_id, Repair(swapping=(person,))),
        lambda exchange_id, person: repair.rescue(exchange_id, person, [person + 1, person + 2]),
        lambda _exchange_id, person: repair.withdraw(person),
    ],
)
class TestRefusals:
    def test_before_the_draw(self, app: Flask, act: Callable[[int, int], object]) -> None:
        exchange_id = factories.an_exchange()
        person, *_others = factories.participants(exchange_id, 3)
        with pytest.raises(RuleBroken, match="Nothing is drawn yet"):
            act(exchange_id, person)

    def test_once_it_is_over(self, app: Flask, act: Callable[[int, int], object]) -> None:
        exchange_id, people = drawn.a_drawn_exchange(3)
        lifecycle.cancel(exchange_id)
        with pytest.raises(RuleBroken, match="over"):
            act(exchange_id, people[0])

    def test_strangers(self, app: Flask, act: Callable[[int, int], object]) -> None:
        exchange_id, _people = drawn.a_drawn_exchange(3)
        with pytest.raises(NotFound):
            act(exchange_id, 999)


def test_undo_is_still_possible_after_a_mending_nobody_saw(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(5)
    repair.withdraw(people[0])
    conduct.undo_draw(exchange_id)
    assert counted(Match) == 0
    assert drawn.addressees(LetterKind.RECIPIENT_CHANGED) == []
