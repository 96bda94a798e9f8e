"""Several processes on one database: each slot runs once, whoever is killed, frozen or stopped meanwhile."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from sneaky.core.clock import monotonic
from sneaky.scheduler.clock import Pace
from tests.faults.processes import FAST, Candidate, Instance, on_both_in_full, rounds, wait_until


def nap(seconds: float) -> None:
    """Let the processes work for a while; what is killed when, is the very thing to be left to chance."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("processes", [2, 4] if rounds(0, 1) else [2])
def test_a_thousand_due_runs_run_once_each_whoever_is_there(instance: Instance, processes: int) -> None:
    number = rounds(150, 1000)
    instance.plan_marks(range(number))
    instance.start_many(processes)
    instance.wait_for_marks(number, 300)
    instance.assert_each_ran_once(number)
    assert set(instance.marks().values()) == {1}


@on_both_in_full
def test_the_leader_killed_at_any_moment_loses_and_doubles_no_slot(instance: Instance) -> None:
    kills = rounds(2, 50)
    number = 30 * kills
    instance.start_many(2, seconds=0.01)
    instance.plan_marks(range(number), within=2.5 * kills)
    for _ in range(kills):
        nap(random.uniform(0.2, 1.2))
        leader = instance.leader()
        assert leader is not None
        leader.kill()
        began = monotonic()
        wait_until(instance.leader, "another process leads")
        assert monotonic() - began < FAST.take_over_after + 4
        instance.start_many(1, seconds=0.01)
    instance.wait_for_marks(number, 120)
    instance.assert_each_ran_once(number)
    assert instance.term() == kills + 1


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
        frozen = instance.leader()
        assert frozen is not None
        freeze(instance, frozen)
        wait_until(instance.leader, "another process leads")
        term = instance.term()
        frozen.send(signal.SIGCONT)
        nap(0.5)
        assert instance.term() == term
        assert not frozen.is_leading
    instance.wait_for_marks(number, 120)
    instance.assert_each_ran_once(number)


@pytest.mark.skipif(not rounds(0, 1), reason="fifteen seconds of waiting: in the full rounds")
def test_at_its_real_pace_another_process_leads_within_fifteen_seconds(small_instance: Instance) -> None:
    small_instance.start_many(2, pace=Pace())
    leader = small_instance.leader()
    assert leader is not None
    leader.kill()
    began = monotonic()
    wait_until(small_instance.leader, "another process leads")
    assert 5 < monotonic() - began <= 15


@on_both_in_full
def test_stopped_under_load_it_ends_in_time_and_loses_and_doubles_nothing(instance: Instance) -> None:
    stops = rounds(2, 100)
    number = 40 * stops
    instance.start_many(2, seconds=0.02)
    instance.plan_marks(range(number), within=1.5 * stops)
    slowest = 0.0
    for _ in range(stops):
        nap(random.uniform(0.1, 0.6))
        wait_until(instance.leader, "one of the processes leads")
        leader = instance.leader()
        assert leader is not None
        slowest = max(slowest, leader.stop())
        wait_until(instance.leader, "the other one leads at once", FAST.take_over_after + 4)
        instance.start_many(1, seconds=0.02)
    instance.wait_for_marks(number, 120)
    instance.assert_each_ran_once(number)
    assert set(instance.marks().values()) == {1}
    assert slowest < 25
