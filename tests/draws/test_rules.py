"""What the organizer is told about the rules: groups by name and household, and the smallest help."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import Any

import pytest
from flask import Flask

from sneaky.core.errors import NotFound
from sneaky.draws import rulebook, rules
from sneaky.draws.explain import Verdict
from sneaky.draws.explain import verdict as judge
from sneaky.draws.rules import Action, RulesVerdict, verdict_for
from sneaky.exchanges import exclusions, households
from sneaky.exchanges.name_lists import PreviewRow, add_many
from sneaky.models import ParticipantState
from tests import factories


def people(exchange_id: int, *names: str) -> list[int]:
    return [factories.a_participant(exchange_id, name=name) for name in names]


def live_together(home: str, *members: int) -> None:
    for member in members:
        households.assign(member, home)


def test_without_rules_all_is_well(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    people(exchange_id, "Ann", "Bob", "Cid", "Dan")
    assert verdict_for(exchange_id) == RulesVerdict(is_possible=True, warnings=[])


@pytest.mark.parametrize(("number", "word"), [(0, "nobody does"), (1, "one does"), (2, "two do")])
def test_too_few_people(app: Flask, number: int, word: str) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, number)
    factories.a_participant(exchange_id, state=ParticipantState.PENDING)
    verdict = verdict_for(exchange_id)
    assert not verdict.is_possible
    assert verdict.sentences == [f"At least 3 people have to take part; so far {word}. Add some more."]


def test_unknown_exchange(app: Flask) -> None:
    with pytest.raises(NotFound):
        verdict_for(99)


def test_household_that_is_too_large_is_named_and_can_be_left(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    millers = people(exchange_id, "Ann", "Bob", "Cid")
    people(exchange_id, "Dan", "Eve")
    live_together("Miller", *millers)
    verdict = verdict_for(exchange_id)
    assert not verdict.is_possible
    assert verdict.sentences == ["The 3 of household Miller may only give to these 2: Dan and Eve."]
    (change,) = verdict.changes
    assert change.action is Action.LEAVE_HOUSEHOLD
    assert change.label in {f"Take {name} out of household Miller" for name in ("Ann", "Bob", "Cid")}
    assert change.giver_id is not None
    households.assign(change.giver_id, None)
    assert verdict_for(exchange_id).is_possible


def test_no_more_changes_are_offered_than_it_takes(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    millers = people(exchange_id, "Ann", "Bob", "Cid", "Dan")
    people(exchange_id, "Eve")
    live_together("Miller", *millers)
    exclusions.exclude(exchange_id, millers[0], millers[1], is_mutual=True)
    changes = verdict_for(exchange_id).changes
    assert [change.action for change in changes] == [Action.LEAVE_HOUSEHOLD] * 2
    households.assign(changes[0].giver_id or 0, None)
    assert not verdict_for(exchange_id).is_possible
    households.assign(changes[1].giver_id or 0, None)
    assert verdict_for(exchange_id).is_possible


def test_among_three_one_match_tells_the_others(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    people(exchange_id, "Ann", "Bob", "Cid")
    (warning,) = verdict_for(exchange_id).warnings
    assert warning == "Among three people, whoever opens their match knows the other two as well."


def test_single_giver_without_choice(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, *others = people(exchange_id, "Ann", "Bob", "Cid")
    for other in others:
        exclusions.exclude(exchange_id, ann, other, is_mutual=False)
    verdict = verdict_for(exchange_id)
    assert verdict.sentences == ["Ann may not give to anybody."]
    (change,) = verdict.changes
    assert change.action is Action.ALLOW
    assert change.label in {"Let Ann give to Bob", "Let Ann give to Cid"}
    assert (change.giver_id, change.recipient_id in others) == (ann, True)
    assert change.giver_public_id
    assert change.recipient_public_id
    exclusions.allow(exchange_id, ann, change.recipient_id or 0)
    assert verdict_for(exchange_id).is_possible


def test_recipient_whom_nobody_may_give_to(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, *others = people(exchange_id, "Ann", "Bob", "Cid", "Dan", "Eve")
    for other in others:
        exclusions.exclude(exchange_id, other, ann, is_mutual=False)
    assert verdict_for(exchange_id).sentences == ["Ann may not get from anybody."]


def test_group_across_households_is_listed_by_name(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, bob, *others = people(exchange_id, "Ann", "Bob", "Cid", "Dan", "Eve", "Fay")
    for giver in (ann, bob):
        for recipient in (ann, bob, *others[1:]):
            if giver != recipient:
                exclusions.exclude(exchange_id, giver, recipient, is_mutual=False)
    assert verdict_for(exchange_id).sentences == ["These 2 (Ann and Bob) may only give to Cid."]
    live_together("Miller", ann, bob, others[-1])
    assert verdict_for(exchange_id).sentences == [
        "These 2 (Ann and Bob), all of household Miller, may only give to Cid."
    ]


def test_long_lists_are_cut(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    crowd = people(exchange_id, *(f"P{number:02}" for number in range(14)))
    others = people(exchange_id, *(f"Q{number:02}" for number in range(12)))
    live_together("Miller", *crowd)
    (sentence,) = verdict_for(exchange_id).sentences
    assert sentence.endswith("Q08, Q09 and 2 more.")
    assert len(others) == 12


def test_forced_pairs_and_thin_choices_are_pointed_out(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, _bob, cid, dan, eve = people(exchange_id, "Ann", "Bob", "Cid", "Dan", "Eve")
    for recipient in (cid, dan, eve):
        exclusions.exclude(exchange_id, ann, recipient, is_mutual=False)
    exclusions.exclude(exchange_id, cid, dan, is_mutual=False)
    verdict = verdict_for(exchange_id)
    assert verdict.is_possible
    assert verdict.warnings[0] == "Ann can only give to Bob."
    assert "Cid has just two choices: Ann and Eve." in verdict.warnings


def test_many_warnings_are_summed_up(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    names = [f"P{number}" for number in range(8)]
    ids = people(exchange_id, *names)
    for index, giver in enumerate(ids):
        for step in (0, 1):
            for other in ids:
                if other not in {giver, ids[(index + 1) % 8]} and step == 0:
                    exclusions.exclude(exchange_id, giver, other, is_mutual=False)
    verdict = verdict_for(exchange_id)
    assert len(verdict.warnings) == 6
    assert verdict.warnings[-1] == "… and 3 more like this."


def test_option_that_blocks_is_offered_to_be_switched_off(app: Flask) -> None:
    exchange_id = factories.an_exchange(single_loop=True, no_reciprocal=True)
    ann, bob, cid, dan = people(exchange_id, "Ann", "Bob", "Cid", "Dan")
    for giver in (ann, bob):
        for recipient in (cid, dan):
            exclusions.exclude(exchange_id, giver, recipient, is_mutual=True)
    verdict = verdict_for(exchange_id)
    assert not verdict.is_possible
    assert [change.action for change in verdict.changes] == [Action.ALLOW_LOOPS, Action.ALLOW_RECIPROCAL]
    assert "one single loop and no two give to each other" in verdict.sentences[0]
    assert rules.refusal(rulebook.forbidden_pairs(exchange_id)) == verdict.sentences[0]


@pytest.mark.parametrize(
    ("option", "action", "words"),
    [
        ("single_loop", Action.ALLOW_LOOPS, "“one single loop”"),
        ("no_reciprocal", Action.ALLOW_RECIPROCAL, "“no two give to each other”"),
    ],
)
def test_only_the_option_that_is_on_is_named(app: Flask, option: str, action: Action, words: str) -> None:
    exchange_id = factories.an_exchange(None, **{option: True})
    ann, bob, cid, dan = people(exchange_id, "Ann", "Bob", "Cid", "Dan")
    for one, other in ((ann, cid), (ann, dan), (bob, cid), (bob, dan)):
        exclusions.exclude(exchange_id, one, other, is_mutual=True)
    verdict = verdict_for(exchange_id)
    assert [change.action for change in verdict.changes] == [action]
    assert words in verdict.sentences[0]


def test_uncertain_option_is_said_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange_id = factories.an_exchange(single_loop=True)
    people(exchange_id, "Ann", "Bob", "Cid", "Dan")

    def unsure(people: list[int], forbidden: set[tuple[int, int]], **options: Any) -> Verdict[int]:
        return replace(judge(people, forbidden, **options), is_certain=not options)

    monkeypatch.setattr(rules, "verdict", unsure)
    found = verdict_for(exchange_id)
    assert found.is_possible
    assert not found.is_certain
    assert found.warnings[-1].startswith("Whether a draw keeps all options is hard to tell")


def test_withdrawn_and_pending_people_have_no_rules(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, bob, cid = people(exchange_id, "Ann", "Bob", "Cid")
    gone = factories.a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
    exclusions.exclude(exchange_id, ann, gone, is_mutual=True)
    exclusions.exclude(exchange_id, ann, bob, is_mutual=False)
    found = rulebook.forbidden_pairs(exchange_id)
    assert found.people == [ann, bob, cid]
    assert found.forbidden == {(ann, bob)}
    assert found.household_of == dict.fromkeys(found.people)


@pytest.mark.slow
def test_verdict_is_quick_for_an_office_of_two_hundred(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    add_many(
        exchange_id, [PreviewRow(f"P{n}", f"p{n}@example.org", f"Department {n % 8}") for n in range(200)]
    )
    taken = []
    for _ in range(5):
        start = process_time()
        assert verdict_for(exchange_id).is_possible
        taken.append(process_time() - start)
    # The goal is 50 ms; measuring coverage takes its share.
    assert min(taken) < 0.15
