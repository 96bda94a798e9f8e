"""Leadership by one row: who takes it, who waits, who has to step down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.models import Leader
from sneaky.scheduler.leader import Leadership
from tests.scheduler.conftest import FAST, StartClock, wait_until


class Stopwatch:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    made = Stopwatch()
    monkeypatch.setattr("sneaky.scheduler.leader.monotonic", made)
    return made


def holder() -> str | None:
    db.session.remove()
    return db.session.scalar(select(Leader.holder))


def test_the_first_candidate_leads_and_the_second_waits(any_app: Flask) -> None:
    one, other = Leadership("one"), Leadership("other")
    assert one.try_to_lead()
    assert not other.try_to_lead()
    assert (one.term, other.term, holder()) == (1, None, "one")


def test_a_beating_leader_is_never_replaced(any_app: Flask, stopwatch: Stopwatch) -> None:
    one, other = Leadership("one"), Leadership("other")
    one.try_to_lead()
    for _ in range(20):
        stopwatch.seconds += 3
        assert one.beat(None)
        assert not other.try_to_lead()


def test_a_silent_leader_is_replaced_after_ten_seconds_under_a_new_term(
    any_app: Flask, stopwatch: Stopwatch
) -> None:
    one, other = Leadership("one"), Leadership("other")
    one.try_to_lead()
    assert not other.try_to_lead()  # from here on it watches
    stopwatch.seconds += 9.9
    assert not other.try_to_lead()
    stopwatch.seconds += 0.2
    assert other.try_to_lead()
    assert (other.term, holder()) == (2, "other")


def test_a_thawed_leader_learns_at_its_next_beat_that_it_leads_no_more(
    any_app: Flask, stopwatch: Stopwatch
) -> None:
    one, other = Leadership("one"), Leadership("other")
    one.try_to_lead()
    other.try_to_lead()
    stopwatch.seconds += 11
    assert not one.is_fresh()  # it would not even submit a job before that beat
    other.try_to_lead()
    assert not one.beat(None)
    assert one.fence is None
    assert other.beat(None)


def test_of_two_who_see_the_same_silence_one_wins(any_app: Flask, stopwatch: Stopwatch) -> None:
    gone, one, other = Leadership("gone"), Leadership("one"), Leadership("other")
    gone.try_to_lead()
    one.try_to_lead()
    other.try_to_lead()
    stopwatch.seconds += 11
    assert one._take(1, 1)
    assert not other._take(1, 1)


def test_who_hands_over_is_followed_at_once(any_app: Flask) -> None:
    one, other = Leadership("one"), Leadership("other")
    one.try_to_lead()
    one.hand_over()
    assert holder() is None
    assert other.try_to_lead()
    one.hand_over()  # leads no more, so there is nothing to hand over
    assert holder() == "other"


def test_forty_candidates_at_once_make_one_leader(any_app: Flask) -> None:
    start = threading.Barrier(40)
    leaders: list[str] = []

    def stand(name: str) -> None:
        with any_app.app_context():
            start.wait(60)
            if Leadership(name).try_to_lead():
                leaders.append(name)

    at_once([lambda name=f"c{number}": stand(name) for number in range(40)])  # type: ignore[misc]
    assert len(leaders) == 1


def at_once(actions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_a_leader_that_loses_its_row_steps_down_and_its_successor_leads(
    any_app: Flask, start_clock: StartClock
) -> None:
    first = start_clock(any_app)
    other = Leadership("other")
    row = db.session.execute(select(Leader.term, Leader.beat)).one()
    while not other._take(row.term, row.beat):
        db.session.remove()
        row = db.session.execute(select(Leader.term, Leader.beat)).one()
    wait_until(lambda: not first.is_leading and not first.scheduler.running)
    assert any_app.extensions["sneaky.nudge"] is None
    wait_until(lambda: first.is_leading)  # the other one never beats
    wait_until(lambda: first.scheduler.running)


def test_a_clean_stop_lets_another_process_lead_at_once(any_app: Flask, start_clock: StartClock) -> None:
    first = start_clock(any_app)
    second = start_clock(any_app, leads=False, pace=replace(FAST, take_over_after=3600))
    assert first.stop()
    wait_until(lambda: second.is_leading)  # though it would wait an hour for a silent leader


def test_starting_twice_changes_nothing(app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(app)
    holder_before = clock._leadership.holder
    clock.start()
    assert clock._leadership.holder == holder_before


def test_a_database_that_does_not_answer_makes_the_clock_wait_not_die(
    app: Flask, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = start_clock(app)
    with monkeypatch.context() as broken:
        calls: list[int] = []

        def fail(*_given: object) -> bool:
            calls.append(1)
            raise OSError("no route to host")

        broken.setattr(clock._leadership, "beat", fail)
        wait_until(lambda: len(calls) > 2)
        assert clock.is_running
    wait_until(clock._leadership.is_fresh)
