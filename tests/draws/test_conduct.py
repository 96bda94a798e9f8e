"""The draw: complete and in one transaction, or refused with what to do instead."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from sneaky.core.clock import now
from sneaky.core.db import Base, db, transaction
from sneaky.core.errors import RuleBroken
from sneaky.draws import conduct, matching, reveal, rulebook
from sneaky.exchanges import exclusions, lifecycle
from sneaky.exchanges.name_lists import PreviewRow, add_many
from sneaky.models import (
    AuditEntry,
    Conversation,
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    Match,
    PairMemory,
    ParticipantState,
    Reminder,
    ReminderState,
)
from sneaky.outbox import gate
from tests import factories
from tests.draws import drawn


def count(table: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_draw_writes_everything_at_once(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    people = factories.participants(exchange_id, 7)
    factories.a_participant(exchange_id, state=ParticipantState.PENDING)
    factories.a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
    summary = drawn.draw(exchange_id)
    assert (summary.letters, summary.participants) == (7, 7)
    recipient_of = drawn.pairs(exchange_id)
    assert sorted(recipient_of) == sorted(recipient_of.values()) == people
    assert all(giver != recipient for giver, recipient in recipient_of.items())
    assert drawn.addressees(LetterKind.MATCH) == people
    assert (count(Conversation), count(PairMemory), count(Reminder)) == (7, 7, 3)
    draw = drawn.current_draw(exchange_id)
    assert (draw.method, draw.participant_count) == (summary.method, 7)
    assert db.session.get_one(Exchange, exchange_id).state is ExchangeState.MATCHED
    assert "draw.conducted" in db.session.scalars(select(AuditEntry.action)).all()


def test_draw_is_gated_on_mail_that_works(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, 3)
    with pytest.raises(RuleBroken, match="choose to draw anyway"):
        conduct.conduct_draw(exchange_id)
    with transaction() as session:
        gate.accept(gate.lock(session), now())
    conduct.conduct_draw(exchange_id)
    conduct.redraw(exchange_id)
    with transaction():
        gate.hold("broken")
    with pytest.raises(RuleBroken, match="test letter"):
        conduct.redraw(exchange_id)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_people_are_refused_and_nothing_is_left(app: Flask, number: int) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, number)
    with pytest.raises(RuleBroken, match="At least 3 people"):
        drawn.draw(exchange_id)
    assert db.session.get_one(Exchange, exchange_id).state is ExchangeState.REGISTRATION_OPEN
    assert count(Draw) == count(Letter) == 0


def test_impossible_rules_are_refused_by_name(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id, name="Ann")
    for other in factories.participants(exchange_id, 3):
        exclusions.exclude(exchange_id, ann, other, is_mutual=False)
    with pytest.raises(RuleBroken, match="Ann may not give to anybody"):
        drawn.draw(exchange_id)
    assert count(Draw) == 0


def test_draw_that_was_not_found_says_what_to_loosen(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(*_people: object, **_options: object) -> None:
        raise matching.DrawNotFound

    monkeypatch.setattr(matching, "draw", not_found)
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, 3)
    with pytest.raises(RuleBroken, match="Loosen a rule"):
        drawn.draw(exchange_id)


@pytest.mark.parametrize("option", ["no_reciprocal", "single_loop"])
def test_options_hold(app: Flask, option: str) -> None:
    exchange_id = factories.an_exchange(None, **{option: True})
    factories.participants(exchange_id, 5)
    for seed in range(5):
        drawn.draw(exchange_id, seed=seed)
        recipient_of = drawn.pairs(exchange_id)
        assert all(recipient_of[recipient] != giver for giver, recipient in recipient_of.items())
        conduct.undo_draw(exchange_id)


@pytest.mark.parametrize(
    ("state", "instead"),
    [(ExchangeState.DRAFT, "Open registration first"), (ExchangeState.MATCHED, "undo this draw")],
)
def test_states_without_a_draw(app: Flask, state: ExchangeState, instead: str) -> None:
    exchange_id = factories.an_exchange(state=state)
    factories.participants(exchange_id, 3)
    with pytest.raises(RuleBroken, match=instead):
        drawn.draw(exchange_id)


def test_forty_draws_at_once_are_one(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, 8)
    barrier = threading.Barrier(40)
    outcomes: list[conduct.DrawSummary | RuleBroken] = []

    def press() -> None:
        with any_app.app_context():
            barrier.wait()
            try:
                outcomes.append(conduct.conduct_draw(exchange_id, even_if_mail_unproven=True))
            except RuleBroken as broken:
                outcomes.append(broken)

    threads = [threading.Thread(target=press) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in outcomes if isinstance(one, conduct.DrawSummary)]) == 1
    assert len(outcomes) == 40
    assert (count(Draw), count(Match), count(Letter)) == (1, 8, 8)


class TestUndoing:
    def test_nothing_of_the_draw_is_left_but_its_row(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(5)
        conduct.undo_draw(exchange_id)
        assert db.session.get_one(Exchange, exchange_id).state is ExchangeState.REGISTRATION_CLOSED
        assert count(Match) == count(Conversation) == count(PairMemory) == 0
        assert db.session.scalars(select(Draw.state)).all() == [DrawState.UNDONE]
        assert drawn.addressees(LetterKind.MATCH) == []
        reminders = db.session.scalars(select(Reminder)).all()
        assert {(row.state, row.reason) for row in reminders} == {
            (ReminderState.CANCELLED, "the draw was undone")
        }
        summary = drawn.draw(exchange_id)
        assert summary.letters == len(people)
        assert {row.state for row in db.session.scalars(select(Reminder))} == {ReminderState.PLANNED}

    def test_only_until_somebody_has_opened_a_match(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(4)
        reveal.reveal(people[0])
        with pytest.raises(RuleBroken, match="cannot be undone"):
            conduct.undo_draw(exchange_id)
        assert db.session.get_one(Exchange, exchange_id).state is ExchangeState.MATCHED
        assert count(Match) == 4

    def test_without_a_draw_there_is_nothing_to_undo(self, app: Flask) -> None:
        with pytest.raises(RuleBroken, match="no draw to undo"):
            conduct.undo_draw(factories.an_exchange())


class TestDrawingAgain:
    def test_everybody_is_told_that_the_old_name_does_not_count(self, any_app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(6)
        reveal.reveal(people[0])
        summary = conduct.redraw(exchange_id, rng=random.Random(7), even_if_mail_unproven=True)
        assert summary.letters == 6
        assert drawn.addressees(LetterKind.RECIPIENT_CHANGED) == people
        assert drawn.addressees(LetterKind.MATCH) == []
        assert drawn.addressees(LetterKind.MATCH, state=LetterState.DISCARDED) == people
        sealed = reveal.sealed(people[0])
        assert sealed == reveal.SealedMatch(is_revealed=False, is_changed=True)
        states = db.session.scalars(select(Draw.state).order_by(Draw.id)).all()
        assert states == [DrawState.REPLACED, DrawState.CURRENT]
        assert count(Match) == count(PairMemory) == 6

    def test_reminder_letters_on_their_way_stay(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(3)
        with transaction() as session:
            session.execute(
                update(Letter)
                .where(Letter.participant_id == people[0], Letter.kind == LetterKind.MATCH)
                .values(kind=LetterKind.REMINDER)
            )
        conduct.redraw(exchange_id, even_if_mail_unproven=True)
        assert drawn.addressees(LetterKind.REMINDER) == people[:1]

    def test_is_too_late_once_the_date_has_passed(self, app: Flask) -> None:
        exchange_id, _people = drawn.a_drawn_exchange(4)
        before = drawn.pairs(exchange_id)
        with transaction() as session:
            session.get_one(Exchange, exchange_id).event_at = now() - timedelta(hours=1)
        with pytest.raises(RuleBroken, match="The date has passed"):
            conduct.redraw(exchange_id, even_if_mail_unproven=True)
        assert drawn.pairs(exchange_id) == before

    def test_needs_a_draw(self, app: Flask) -> None:
        with pytest.raises(RuleBroken, match="no draw to replace"):
            conduct.redraw(factories.an_exchange(), even_if_mail_unproven=True)
        exchange_id, _people = drawn.a_drawn_exchange(3)
        lifecycle.cancel(exchange_id)
        with pytest.raises(RuleBroken, match="over"):
            conduct.redraw(exchange_id, even_if_mail_unproven=True)


@pytest.mark.slow
def test_ten_thousand_people_are_drawn_in_one_go(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    rows = [
        PreviewRow(f"P {n}", f"p{n}@example.org", f"Home {n // 4}" if n < 800 else "") for n in range(10_000)
    ]
    add_many(exchange_id, rows)
    assert drawn.draw(exchange_id).letters == 10_000
    assert not rulebook.forbidden_pairs(exchange_id).forbidden & drawn.pairs(exchange_id).items()
