"""Runs as pages read them: the last ones of several jobs at once, pages, one with its log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.executions import runs
from sneaky.models import ExecutionState
from tests.clock_factories import a_failed_run, a_run


@pytest.mark.usefixtures("any_app")
def test_the_last_runs_of_each_job_come_oldest_first_by_one_statement() -> None:
    expected = {}
    for job_id in ("deliver_letters", "purge_old_exchanges"):
        made = [a_run(job_id, started_at=now() - timedelta(hours=hours)) for hours in (4, 3, 2, 1)]
        expected[job_id] = made[-3:]
    asked = list[str]()
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    found = runs.latest([*expected, "never_ran"], 3)
    assert {job_id: [run.public_id for run in rows] for job_id, rows in found.items()} == expected
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 1
    assert found["deliver_letters"][0].counts == {"erased": 2, "warned": 1}
    assert runs.latest([], 3) == {}


@pytest.mark.usefixtures("any_app")
def test_pages_count_what_was_chosen_and_stay_in_range() -> None:
    for number in range(runs.PAGE_SIZE + 2):
        a_run(f"reminder_exchange_{number}_days_1", started_at=now() - timedelta(minutes=number))
    a_failed_run("reminder%exchange")
    page = runs.page(9, job_id_begin="reminder_exchange_")
    assert (page.number, page.pages, page.total, len(page.runs)) == (2, 2, runs.PAGE_SIZE + 2, 2)
    assert runs.page(0).number == 1
    assert [run.job_id for run in runs.page(1, state=ExecutionState.FAILED).runs] == ["reminder%exchange"]
    assert [run.job_id for run in runs.page(1, job_id="reminder_exchange_7_days_1").runs] == [
        "reminder_exchange_7_days_1"
    ]
    assert runs.page(1, job_id="never_ran") == runs.RunPage([], 1, 1, 0)


@pytest.mark.sqlite
@pytest.mark.usefixtures("app")
def test_the_newest_of_many_runs_of_one_job_are_found_without_sorting() -> None:
    asked = list[tuple[str, Any]]()
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    newest = [a_run("deliver_letters", started_at=now() - timedelta(hours=hours)) for hours in (1, 2, 3)]
    assert [run.public_id for run in runs.page(1, job_id="deliver_letters").runs] == newest
    statement, values = next(one for one in reversed(asked) if one[0].startswith("SELECT"))
    with db.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert "TEMP B-TREE" not in str(plan)


@pytest.mark.usefixtures("app")
def test_only_the_runs_in_progress_are_running() -> None:
    a_run("deliver_letters")
    running = a_run("purge_old_exchanges", state=ExecutionState.RUNNING)
    assert {job_id: run.public_id for job_id, run in runs.running().items()} == {
        "purge_old_exchanges": running
    }


@pytest.mark.usefixtures("app")
def test_one_run_comes_with_all_it_left_behind() -> None:
    details = runs.details(a_failed_run(log="a line"))
    assert details is not None
    assert (details.log, details.traceback, details.run.is_failed) == ("a line", "Traceback: line 12", True)
    assert runs.details("none") is None
