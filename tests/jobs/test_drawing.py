"""The draw of a large exchange as a run of its own: made once, refused in words, resumed after a kill."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from sneaky import jobs
from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct, matching, reveal
from sneaky.draws.rulebook import Rules, forbidden_pairs
from sneaky.exchanges import exclusions, lifecycle
from sneaky.executions import claims, requests
from sneaky.jobs import drawing
from sneaky.jobs.drawing import DrawingState
from sneaky.jobs.running import Order, Runner, perform
from sneaky.jobs.work import resolve
from sneaky.models import Draw, DrawState, ExecutionState, Letter, LetterKind, Match, Trigger
from tests import factories
from tests.draws import drawn


def an_exchange(people: int = 6) -> int:
    exchange_id = factories.an_exchange()
    factories.participants(exchange_id, people)
    return exchange_id


def take_up(run_id: str) -> jobs.JobResult:
    """Do what the leader does with a request."""
    asked = requests.find(run_id)
    work, ids = resolve(asked.job_id)
    return perform(Order(work, ids, now(), asked.trigger, request=run_id), Runner())


def count(table: Any) -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def ask(exchange_id: int, *, is_again: bool = False) -> str:
    return drawing.ask_for_draw(exchange_id, organizer_id=factories.an_organizer(), is_again=is_again)


def test_a_draw_that_is_asked_for_waits_runs_and_is_drawn(any_app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.WAITING
    assert (ask(exchange_id), drawing.under_way(exchange_id)) == (run_id, run_id)
    result = take_up(run_id)
    assert (result.success, result.counts) == (True, {"drawn": 6, "letters": 6})
    told = drawing.drawing(exchange_id, run_id)
    assert (told.state, told.letters, told.is_over) == (DrawingState.DRAWN, 6, True)
    assert drawing.under_way(exchange_id) is None
    assert (count(Match), count(Letter)) == (6, 6)


def test_the_draw_is_worked_out_while_others_write_and_then_counts_them(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange_id = an_exchange()
    run_id, seen = ask(exchange_id), []
    whole = conduct.plan_draw

    def add_one() -> None:
        with any_app.app_context():
            factories.a_participant(exchange_id)

    def plan_and_look(rules: Rules) -> conduct.PlannedDraw:
        seen.append(drawing.drawing(exchange_id, run_id))
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(add_one).result(20)  # as the organizer may meanwhile
        return whole(rules)

    monkeypatch.setattr(conduct, "plan_draw", plan_and_look)
    result = take_up(run_id)
    assert result.counts == {"drawn": 6, "letters": 7}
    assert [(told.state, told.done, told.total) for told in seen] == [(DrawingState.RUNNING, 0, 12)]
    assert not seen[0].is_over


def test_a_new_draw_takes_the_place_of_the_one_that_counted(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(5)
    reveal.reveal(people[0])
    run_id = ask(exchange_id, is_again=True)
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.WAITING
    take_up(run_id)
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.DRAWN
    assert drawn.addressees(LetterKind.RECIPIENT_CHANGED) == people
    states = db.session.scalars(select(Draw.state).order_by(Draw.id)).all()
    assert states == [DrawState.REPLACED, DrawState.CURRENT]


def test_rules_that_leave_no_draw_are_told_without_names(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id, name="Ann Quux")
    for other in factories.participants(exchange_id, 3):
        exclusions.exclude(exchange_id, ann, other, is_mutual=False)
    run_id = ask(exchange_id)
    result = take_up(run_id)
    assert (result.state, result.reason) == (ExecutionState.SKIPPED, "the rules leave no draw")
    told = drawing.drawing(exchange_id, run_id)
    assert (told.state, told.reason) == (DrawingState.REFUSED, "the rules leave no draw")
    assert count(Draw) == 0


def test_other_refusals_say_what_to_do(app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    lifecycle.cancel(exchange_id)
    take_up(run_id)
    told = drawing.drawing(exchange_id, run_id)
    assert told.state is DrawingState.REFUSED
    assert told.reason.startswith("This exchange is over.")


def test_a_draw_made_by_somebody_else_in_between_is_the_draw(app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    drawn.draw(exchange_id)
    assert take_up(run_id).state is ExecutionState.SKIPPED
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.DRAWN
    assert count(Draw) == 1


def test_a_new_draw_is_not_made_once_the_old_one_was_undone(app: Flask) -> None:
    exchange_id, _people = drawn.a_drawn_exchange(4)
    run_id = ask(exchange_id, is_again=True)
    conduct.undo_draw(exchange_id)
    assert take_up(run_id).state is ExecutionState.SKIPPED
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.REFUSED
    assert count(Match) == 0


def test_a_fault_leaves_nothing_and_is_told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_rest: object, **_options: object) -> None:
        raise ValueError("no such cookie")

    monkeypatch.setattr(matching, "draw", broken)
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    assert not take_up(run_id).success
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.FAILED
    assert (count(Draw), count(Match)) == (0, 0)


def test_a_request_that_is_turned_down_is_told(app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    requests.refuse(run_id, "it was running already")
    told = drawing.drawing(exchange_id, run_id)
    assert (told.state, told.reason) == (DrawingState.REFUSED, "it was running already")


def killed(run_id: str, work: Callable[[], object]) -> jobs.JobResult:
    """Claim the run in a process that does `work` and is gone; another one takes it over."""
    job_id = requests.find(run_id).job_id
    claimed = claims.claim(job_id, now(), trigger=Trigger.MANUAL, instance="gone", request=run_id)
    assert isinstance(claimed, claims.Claim)
    work()
    (job, ids), stale = resolve(job_id), (claimed.execution_id, claimed.lease_id)
    return perform(Order(job, ids, claimed.slot, Trigger.MANUAL, stale=stale), Runner())


def test_a_run_killed_before_the_commit_is_made_again(any_app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    assert killed(run_id, lambda: None).counts == {"drawn": 6, "letters": 6}
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.DRAWN


def test_a_run_killed_after_the_commit_draws_nothing_more(any_app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    assert killed(run_id, lambda: drawn.draw(exchange_id)).state is ExecutionState.SKIPPED
    assert drawing.drawing(exchange_id, run_id).state is DrawingState.DRAWN
    assert (count(Draw), count(Match), count(Letter)) == (1, 6, 6)


def test_a_planned_draw_is_taken_only_for_the_same_rules(app: Flask) -> None:
    exchange_id = an_exchange(8)
    people = sorted(forbidden_pairs(exchange_id).people)
    planned = conduct.plan_draw(forbidden_pairs(exchange_id))
    first = planned.result.recipient_of[people[0]]
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True, planned=planned)
    assert drawn.pairs(exchange_id) == planned.result.recipient_of
    conduct.undo_draw(exchange_id)
    exclusions.exclude(exchange_id, people[0], first, is_mutual=False)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True, planned=planned)
    assert drawn.pairs(exchange_id)[people[0]] != first


def test_only_the_draws_of_an_exchange_show_there(app: Flask) -> None:
    exchange_id = an_exchange()
    run_id = ask(exchange_id)
    with pytest.raises(NotFound):
        drawing.drawing(an_exchange(), run_id)
    with pytest.raises(NotFound):
        drawing.drawing(exchange_id, requests.ask("purge_old_exchanges"))
    take_up(run_id)
    with pytest.raises(NotFound):
        drawing.drawing(an_exchange(), run_id)


def test_a_draw_is_large_by_who_takes_part(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange_id = an_exchange(4)
    assert not drawing.is_large(exchange_id)
    monkeypatch.setattr(drawing, "LARGE", 4)
    assert drawing.is_large(exchange_id)


def test_by_hand_it_is_a_draw_too(app: Flask) -> None:
    exchange_id = an_exchange()
    assert jobs.draw_names(exchange_id, 0).counts["letters"] == 6
    assert not jobs.draw_names(exchange_id, 0).counts
    with pytest.raises(RuleBroken):
        conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
