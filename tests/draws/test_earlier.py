"""Not last year's match: from the copied exchange, from the memory that outlives it, and never told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, func, select

from sneaky.cli import check
from sneaky.core import settings as settings_module
from sneaky.core.clock import now
from sneaky.core.crypto import KEYRING, Keyring
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct, correcting, earlier, repair, rulebook, rules
from sneaky.draws.repair import Repair
from sneaky.exchanges import exclusions, lifecycle, participants
from sneaky.models import (
    AvoidLastYear,
    CompletedReason,
    Exchange,
    ExchangeState,
    PairMemory,
    Participant,
)
from tests import factories
from tests.draws import drawn


def names_of(exchange_id: int) -> dict[int, str]:
    rows = db.session.execute(
        select(Participant.id, Participant.name).where(Participant.exchange_id == exchange_id)
    )
    return {row.id: row.name for row in rows}


def pairs_by_name(exchange_id: int, pairs: Iterator[tuple[int, int]]) -> set[tuple[str, str]]:
    names = names_of(exchange_id)
    return {(names[giver], names[recipient]) for giver, recipient in pairs}


def known_pairs(exchange_id: int) -> set[tuple[str, str]]:
    return pairs_by_name(exchange_id, iter(rulebook.forbidden_pairs(exchange_id).earlier))


def complete(exchange_id: int) -> None:
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        exchange.state, exchange.completed_at = ExchangeState.COMPLETED, now()
        exchange.completed_reason = exchange.completed_reason or CompletedReason.DATE_PASSED


def a_copy(exchange_id: int, avoid: AvoidLastYear = AvoidLastYear.HARD) -> int:
    complete(exchange_id)
    later = lifecycle.copy(exchange_id)
    lifecycle.open_registration(later)
    lifecycle.set_draw_options(later, no_reciprocal=False, single_loop=False, avoid_last_year=avoid)
    return later


def forget_everything() -> None:
    with transaction() as session:
        session.execute(delete(PairMemory))


def erase(exchange_id: int) -> None:
    with transaction() as session:
        session.execute(delete(Exchange).where(Exchange.id == exchange_id))


@pytest.mark.parametrize("source", ["copied exchange", "memory"])
def test_last_years_pairs_are_known_from_either_source(any_app: Flask, source: str) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(6)
    before = pairs_by_name(exchange_id, iter(drawn.pairs(exchange_id).items()))
    later = a_copy(exchange_id)
    if source == "memory":
        erase(exchange_id)
    else:
        forget_everything()
    assert known_pairs(later) == before
    drawn.draw(later)
    assert pairs_by_name(later, iter(drawn.pairs(later).items())).isdisjoint(before)


def test_an_exchange_that_goes_on_tells_nothing(any_app: Flask) -> None:
    organizer = factories.an_organizer()
    first, people = drawn.a_drawn_exchange(5, organizer_id=organizer)
    copied = lifecycle.copy(first)
    second = factories.an_exchange(organizer, avoid_last_year=AvoidLastYear.HARD)
    for person in people:
        factories.a_participant(second, email=db.session.get_one(Participant, person).email)
    assert known_pairs(copied) == known_pairs(second) == set()
    complete(first)
    assert len(known_pairs(copied)) == len(known_pairs(second)) == 5


@pytest.mark.parametrize("avoid", list(AvoidLastYear))
def test_a_draw_is_no_earlier_one_of_its_own(app: Flask, avoid: AvoidLastYear) -> None:
    exchange_id, people = drawn.a_drawn_exchange(9, avoid_last_year=avoid)
    assert list(check.findings()) == []
    assert repair.apply(exchange_id, Repair(leaving=(people[0],))).changed == 1


def test_what_was_drawn_before_another_exchange_was_over_stays(app: Flask) -> None:
    """Both draw 0 → 1 → 2 → 3 → 0, and nothing else but 3 → 1 is allowed."""
    organizer = factories.an_organizer()
    drawn_ids, people = [], []
    for _exchange in range(2):
        exchange_id = factories.an_exchange(organizer, avoid_last_year=AvoidLastYear.HARD)
        people = [factories.a_participant(exchange_id, email=f"guest{n}@example.org") for n in range(4)]
        for one, other in itertools.permutations(range(4), 2):
            if (one, other) != (3, 1) and other != (one + 1) % 4:
                exclusions.exclude(exchange_id, people[one], people[other], is_mutual=False)
        drawn.draw(exchange_id)
        drawn_ids.append(exchange_id)
    first, second = drawn_ids
    complete(first)
    assert len(known_pairs(second)) == 4
    assert "every draw is valid" not in {finding.promise for finding in check.findings()}
    assert repair.apply(second, Repair(leaving=(people[0],))).changed == 1


def test_off_asks_nobody(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(4)
    assert known_pairs(a_copy(exchange_id, AvoidLastYear.OFF)) == set()


def test_cancelled_exchange_does_not_count_as_earlier(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(4)
    lifecycle.cancel(exchange_id)
    assert known_pairs(a_copy(exchange_id)) == set()


def test_memory_is_kept_per_organizer_and_for_eighteen_months(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(4)
    later = a_copy(exchange_id)
    erase(exchange_id)
    with time_machine.travel(now() + timedelta(days=547), tick=False):
        assert len(known_pairs(later)) == 4
    with time_machine.travel(now() + timedelta(days=549), tick=False):
        assert known_pairs(later) == set()
    with transaction() as session:
        session.get_one(Exchange, later).organizer_id = factories.an_organizer()
    assert known_pairs(later) == set()


def test_a_new_draw_forgets_what_is_too_old(app: Flask) -> None:
    organizer = factories.an_organizer()
    drawn.a_drawn_exchange(3, organizer_id=organizer)
    with time_machine.travel(now() + timedelta(days=600), tick=False):
        drawn.a_drawn_exchange(4, organizer_id=organizer)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 4


def test_memory_can_be_switched_off(app: Flask) -> None:
    app.extensions[settings_module.EXTENSION] = replace(settings_module.settings(), pair_memory=False)
    exchange_id, _people = drawn.a_drawn_exchange(4)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 0
    later = a_copy(exchange_id)
    assert len(known_pairs(later)) == 4
    erase(exchange_id)
    assert known_pairs(later) == set()


def test_memory_holds_hashes_that_only_the_key_understands(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(4)
    later = a_copy(exchange_id)
    erase(exchange_id)
    secret = Keyring(b"a fresh secret key of enough length").current
    old = app.extensions[KEYRING]
    app.extensions[KEYRING] = Keyring(secret)
    assert known_pairs(later) == set()
    app.extensions[KEYRING] = Keyring(secret, (old.current,))
    assert len(known_pairs(later)) == 4


def test_children_behind_one_address_are_told_apart_by_name(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    for name in ("Kim", "Lou", "Max", "Ned"):
        participants.add(exchange_id, name, "parent@example.org", is_guarded=True)
    drawn.draw(exchange_id)
    before = pairs_by_name(exchange_id, iter(drawn.pairs(exchange_id).items()))
    later = a_copy(exchange_id)
    erase(exchange_id)
    assert known_pairs(later) == before


def test_namesakes_behind_one_address_are_drawn_too(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    people = [
        participants.add(exchange_id, f"Kim {home}", "parent@example.org", is_guarded=True, household=home)
        for home in ("Attic", "Barn", "Cellar")
    ]
    for person in people:
        participants.rename(person, "Kim")
    drawn.draw(exchange_id)
    assert set(drawn.pairs(exchange_id)) == set(people)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 1
    conduct.undo_draw(exchange_id)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 0


def test_undone_and_replaced_draws_are_forgotten(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(5)
    conduct.undo_draw(exchange_id)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 0
    drawn.draw(exchange_id)
    conduct.redraw(exchange_id, rng=random.Random(3), even_if_mail_unproven=True)
    now_given = pairs_by_name(exchange_id, iter(drawn.pairs(exchange_id).items()))
    later = a_copy(exchange_id)
    erase(exchange_id)
    assert known_pairs(later) == now_given


def test_undone_draw_is_forgotten_whatever_changed_since(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(5, avoid_last_year=AvoidLastYear.HARD)
    participants.change_email(people[0], "mended@example.org")
    former = app.extensions[KEYRING]
    app.extensions[KEYRING] = Keyring(b"a fresh secret key of enough length", (former.current,))
    repair.apply(exchange_id, Repair(swapping=(people[1],)))
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 5
    conduct.undo_draw(exchange_id)
    assert db.session.scalar(select(func.count()).select_from(PairMemory)) == 0
    assert known_pairs(exchange_id) == set()


@pytest.mark.parametrize(
    "mended", [{"name": "Kim", "email": "mended@example.org"}, {"name": "Lou", "email": "kim@example.org"}]
)
def test_who_is_mended_after_the_draw_is_remembered_so(any_app: Flask, mended: dict[str, str]) -> None:
    exchange_id = factories.an_exchange()
    people = [participants.add(exchange_id, "Kim", "kim@example.org", is_guarded=True)]
    people += factories.participants(exchange_id, 4)
    drawn.draw(exchange_id)
    correcting.correct(people[0], **mended, is_guarded=True, household=None)
    correcting.correct(people[1], name="Lea", email="lea@example.org", is_guarded=False, household=None)
    now_given = pairs_by_name(exchange_id, iter(drawn.pairs(exchange_id).items()))
    later = a_copy(exchange_id)
    erase(exchange_id)
    assert known_pairs(later) == now_given
    with pytest.raises(NotFound):
        correcting.correct(404, name="Kim", email="kim@example.org", is_guarded=False, household=None)


def test_mended_draw_is_remembered_as_mended(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    repair.withdraw(people[0])
    now_given = pairs_by_name(exchange_id, iter(drawn.pairs(exchange_id).items()))
    later = a_copy(exchange_id)
    erase(exchange_id)
    assert known_pairs(later) == now_given
    assert len(now_given) == 5


def test_hard_refuses_and_soft_gives_way_without_telling_names(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, 3)
    drawn.draw(exchange_id)
    second = a_copy(exchange_id)
    drawn.draw(second)
    third = a_copy(second)
    verdict = rules.verdict_for(third)
    assert not verdict.is_possible
    assert [change.action for change in verdict.changes] == [rules.Action.SOFTEN_LAST_YEAR]
    told = " ".join([*verdict.sentences, *verdict.warnings])
    assert not any(name in told for name in names_of(third).values())
    with pytest.raises(RuleBroken, match="every match of last year"):
        drawn.draw(third)
    lifecycle.set_draw_options(
        third, no_reciprocal=False, single_loop=False, avoid_last_year=AvoidLastYear.SOFT
    )
    assert rules.verdict_for(third).warnings[1:] == ["3 matches of last year cannot be avoided."]
    drawn.draw(third)
    assert drawn.current_draw(third).repeated_count == 3


def test_choices_thinned_by_last_year_are_counted_and_not_named(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, 3)
    drawn.draw(exchange_id)
    (warning,) = rules.verdict_for(a_copy(exchange_id)).warnings[-1:]
    assert warning == "Without last year's matches 3 people have just one choice, which may be guessed."


def test_newcomers_of_this_year_have_no_earlier_pairs(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(4)
    later = a_copy(exchange_id)
    participants.add(later, "New", "new@example.org")
    gone = drawn.pairs(exchange_id)[people[0]]
    left = db.session.scalars(
        select(Participant.id).where(
            Participant.exchange_id == later, Participant.name == names_of(exchange_id)[gone]
        )
    ).one()
    participants.withdraw(left)
    assert len(known_pairs(later)) == 2
    assert timedelta(days=366) < earlier.REMEMBERED
