"""Several processes on one database: each slot runs once, whoever is killed, frozen or stopped meanwhile."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from sneaky.core.clock import monotonic
from sneaky.scheduler.clock import Pace
from tests.faults.processes import FAST, Candidate, Figure, Instance, assert_sound, on_both_in_full, rounds


def nap(seconds: float) -> None:
    """Let the processes work for a while; what is killed when, is the very thing to be left to chance."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("processes", [2, 4] if rounds(0, 1) else [2])
def test_a_thousand_due_runs_run_once_each_whoever_is_there(
    instance: Instance, processes: int, record_property: Figure
) -> None:
    number = rounds(150, 1000)
    instance.plan_marks(range(number))
    instance.start_many(processes)
    began = monotonic()
    instance.wait_for_marks(number)
    record_property("runs a second", round(number / (monotonic() - began)))
    instance.assert_each_ran_once(number)
    assert set(instance.marks().values()) == {1}


@on_both_in_full
def test_the_leader_killed_at_any_moment_loses_and_doubles_no_slot(
    instance: Instance, record_property: Figure
) -> None:
    slowest = 0.0
    kills = rounds(2, 50)
    number = 30 * kills
    instance.start_many(2, seconds=0.01)
    instance.plan_marks(range(number), within=2.5 * kills)
    for _ in range(kills):
        nap(random.uniform(0.2, 1.2))
        instance.wait_for_leader().kill()
        began = monotonic()
        instance.wait_for_leader()
        slowest = max(slowest, monotonic() - began)
        instance.start_many(1, seconds=0.01)
    instance.wait_for_marks(number)
    instance.assert_each_ran_once(number)
    assert instance.term() > kills
    assert slowest < FAST.take_over_after + 10
    record_property("slowest take-over in s", round(slowest, 2))
    record_property("marks left by a killed attempt", instance.marks().total() - number)


def freeze(instance: Instance, candidate: Candidate) -> None:
    """SIGSTOP, between two write transactions: inside one, SQLite's file lock would freeze with it."""
    while True:
        candidate.freeze()
        if instance.can_be_written():
            candidate.is_leading = False
            return
        candidate.send(signal.SIGCONT)
        nap(0.01)


def test_a_frozen_leader_is_replaced_and_steps_down_when_it_thaws(instance: Instance) -> None:
    freezes = rounds(1, 10)
    number = 40 * freezes
    instance.start_many(2, seconds=0.01)
    instance.plan_marks(range(number), within=3.0 * freezes)
    for _ in range(freezes):
        nap(random.uniform(0.3, 0.8))
        frozen = instance.wait_for_leader()
        freeze(instance, frozen)
        instance.wait_for_leader()
        term = instance.term()
        frozen.send(signal.SIGCONT)
        nap(0.5)
        assert not frozen.is_leading or instance.term() > term
    instance.wait_for_marks(number)
    instance.assert_each_ran_once(number)


@pytest.mark.skipif(not rounds(0, 1), reason="a minute of waiting: in the full rounds")
def test_at_its_real_pace_another_process_leads_within_fifteen_seconds(
    small_instance: Instance, record_property: Figure
) -> None:
    small_instance.start_many(2, pace=Pace())
    taken = []
    for _ in range(5):
        small_instance.wait_for_leader().kill()
        began = monotonic()
        small_instance.wait_for_leader()
        taken.append(monotonic() - began)
        small_instance.start_many(1, pace=Pace())
    assert min(taken) > 5
    assert max(taken) <= 15
    assert_sound()
    record_property("take-overs in s", sorted(round(seconds, 1) for seconds in taken))


@on_both_in_full
def test_stopped_under_load_it_ends_in_time_and_loses_and_doubles_nothing(
    instance: Instance, record_property: Figure
) -> None:
    stops = rounds(2, 100)
    number = 40 * stops
    instance.start_many(2, seconds=0.02)
    instance.plan_marks(range(number), within=1.5 * stops)
    slowest = 0.0
    for _ in range(stops):
        nap(random.uniform(0.1, 0.6))
        slowest = max(slowest, instance.wait_for_leader().stop())
        instance.wait_for_leader()
        instance.start_many(1, seconds=0.02)
    instance.wait_for_marks(number)
    instance.assert_each_ran_once(number)
    assert set(instance.marks().values()) == {1}
    assert slowest < 25
    record_property("slowest stop in s", round(slowest, 2))
