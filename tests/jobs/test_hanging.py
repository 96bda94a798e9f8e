"""Runs that never come back: told, fenced, and their process replaced."""

from __future__ import annotations

import threading
from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.executions import claims
from sneaky.jobs.running import Order, Runner, perform
from sneaky.jobs.work import Run
from sneaky.models import ExecutionState, Trigger, Trouble
from tests.jobs.conftest import MakeJob, runs


def test_a_run_that_hangs_is_fenced_failed_and_its_process_replaced(app: Flask, make_job: MakeJob) -> None:
    replaced = threading.Event()
    work = make_job(lambda run: replaced.wait(60) and run.checkpoint(), hard=0.1)
    runner = Runner(lease=timedelta(seconds=5), overrun=replaced.set)
    result = perform(Order(work, (), now(), Trigger.CLOCK), runner)
    assert replaced.is_set()
    assert not result.success
    [row] = runs()
    assert row.state is ExecutionState.FAILED
    assert row.error.startswith("it hung: not done after 0:00:00.1")


def test_a_tick_that_hangs_is_failed_and_told_too(app: Flask, make_job: MakeJob) -> None:
    replaced = threading.Event()
    work = make_job(lambda run: replaced.wait(60), hard=0.1, is_tick=True)
    perform(Order(work, (), now(), Trigger.CLOCK), Runner(overrun=replaced.set))
    assert replaced.is_set()
    [row] = runs()
    assert (row.state, row.error.partition(":")[0]) == (ExecutionState.FAILED, "it hung")
    assert db.session.scalars(select(Trouble.subject)).all() == ["probe"]


def test_a_run_that_hangs_though_another_process_has_it_ends_its_process(
    app: Flask, make_job: MakeJob
) -> None:
    replaced = threading.Event()

    def hang(_run: Run) -> None:
        [row] = runs()
        assert claims.reclaim(row.id, row.lease_id, instance="another") is not None
        db.session.remove()
        assert replaced.wait(60)

    work = make_job(hang, hard=0.5)
    perform(Order(work, (), now(), Trigger.CLOCK), Runner(lease=timedelta(seconds=0.3), overrun=replaced.set))
    assert replaced.is_set()
    [row] = runs()
    assert (row.state, row.instance) == (ExecutionState.RUNNING, "another")
