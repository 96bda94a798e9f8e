"""What people who look after the instance see of the engine: its queues, its missing tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from werkzeug.test import TestResponse

from sneaky.core.db import db, transaction
from sneaky.engine.queues import queues
from sneaky.jobs import hands
from sneaky.jobs.health import reasons_not_ready
from sneaky.jobs.metrics import metrics
from sneaky.jobs.running import Runner
from sneaky.models import LetterKind
from sneaky.outbox import queue
from tests.web.admin import an_admins_browser
from tests.worker.conftest import Probe
from tests.worker.test_worker import order

pytestmark = pytest.mark.postgres


def json_of(answer: TestResponse) -> Any:
    assert answer.is_json
    return answer.json


@pytest.fixture
def work_waits(engine_app: Flask, probe: Probe) -> None:
    """Two runs and a letter; one run is being made."""
    for number in range(2):
        hands.leave(replace(order(), ids=(number,)), Runner())
    with transaction() as session:
        queue.put(LetterKind.TEST, to_email="ann@example.org")
        session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing'"
                " WHERE id = (SELECT min(id) FROM procrastinate_jobs)"
            )
        )


@pytest.mark.usefixtures("work_waits")
def test_queues_tell_what_waits_what_runs_and_since_when() -> None:
    runs, letters = queues()
    assert (runs.name, runs.waiting, runs.running) == ("default", 1, 1)
    assert (letters.name, letters.waiting, letters.running) == ("letters", 1, 0)
    assert 0 <= runs.waited.total_seconds() < 60


@pytest.mark.usefixtures("work_waits")
def test_metrics_have_the_same_figures() -> None:
    told = {
        (sample.name, sample.labels.get("queue")): sample.value
        for family in text_string_to_metric_families(metrics())
        for sample in family.samples
    }
    assert told["engine_jobs_waiting", "default"] == 1
    assert told["engine_jobs_running", "default"] == 1
    assert told["engine_jobs_waiting", "letters"] == 1


@pytest.mark.usefixtures("work_waits")
def test_the_page_of_the_clock_shows_them(engine_app: Flask) -> None:
    browser = an_admins_browser(engine_app)
    assert "Waiting for workers, with procrastinate" in browser.get("/operations/jobs").text
    told = json_of(browser.get("/operations/jobs.json"))["queues"]
    assert [(one["name"], one["waiting"], one["running"]) for one in told] == [
        ("default", 1, 1),
        ("letters", 1, 0),
    ]


def test_with_our_own_engine_there_are_none(app: Flask) -> None:
    assert queues() == []
    assert "engine_" not in metrics()


def test_missing_tables_are_a_reason_not_to_be_ready(engine_app: Flask) -> None:
    def told() -> list[str]:
        return [reason for reason in reasons_not_ready() if "procrastinate" in reason]

    assert told() == []
    with transaction() as session:
        session.execute(text("DROP TABLE alembic_version_engine"))
    db.session.remove()
    assert told() == ["the tables of procrastinate are missing; run sneaky db upgrade"]
