"""Overrides: paused and moved jobs, kept apart from each other."""

from __future__ import annotations

from flask import Flask

from sneaky.executions import overrides


def test_pausing_and_moving_a_job_do_not_undo_each_other(any_app: Flask) -> None:
    nudges: list[str] = []
    any_app.extensions["sneaky.nudge"] = nudges.append
    overrides.set_schedule("probe", {"hour": 5})
    overrides.set_paused("probe", True)
    [override] = overrides.all_of_them().values()
    assert (override.is_paused, override.schedule) == (True, {"hour": 5})
    overrides.set_schedule("probe", None)
    [override] = overrides.all_of_them().values()
    assert (override.is_paused, override.schedule) == (True, {})
    assert override.changed_at is not None
    assert nudges == ["schedule"] * 3
