"""What machines are told about the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text

from sneaky import jobs
from sneaky.app import create_app
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import Settings
from sneaky.executions import overrides
from sneaky.jobs import scheduler_health_check
from sneaky.jobs.health import reasons_not_ready
from sneaky.jobs.overview import jobs_overview
from sneaky.jobs.timetable import RECURRING
from sneaky.models import Leader, LetterKind, job_store_table
from sneaky.outbox import queue


def a_leader(**changed: Any) -> None:
    with transaction() as session:
        fields = {"holder": "opaque-id", "term": 3, "beat": 9, "since": now(), "ticked_at": now()}
        session.merge(Leader(id=1, **fields | changed))


def a_stored_job(job_id: str, seconds_from_now: float | None) -> None:
    time = None if seconds_from_now is None else now().timestamp() + seconds_from_now
    with transaction() as session:
        values = {"id": job_id, "next_run_time": time, "job_state": b"-"}
        session.execute(insert(job_store_table).values(**values))


def test_a_ticking_leader_is_healthy(any_app: Flask) -> None:
    a_leader()
    a_stored_job("purge_old_exchanges", 60)
    a_stored_job("parked:0123456789ab:old_job", None)
    check = scheduler_health_check()
    assert (check["status"], check["reason"], check["jobs"], check["leader"]) == (
        "healthy",
        "",
        1,
        "opaque-id",
    )
    assert check["last_tick"] is not None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"holder": None}, "no process leads the clock"),
        ({"ticked_at": None}, "the leader has not gone round yet"),
        ({"ticked_at": now() - timedelta(minutes=5)}, "the leader's last round was at"),
    ],
)
def test_a_clock_that_stands_still_is_unhealthy_with_the_reason(
    app: Flask, changed: dict[str, Any], reason: str
) -> None:
    a_leader(**changed)
    check = scheduler_health_check()
    assert check["status"] == "unhealthy"
    assert check["reason"].startswith(reason)
    assert reasons_not_ready() == [check["reason"]]


def test_without_any_leader_yet_it_is_unhealthy(app: Flask) -> None:
    assert scheduler_health_check()["reason"] == "no process leads the clock"


def a_missing_table() -> str:
    """What each database calls it."""
    with transaction() as session:
        is_sqlite = session.connection().dialect.name == "sqlite"
    return "OperationalError" if is_sqlite else "ProgrammingError"


def test_a_database_without_tables_is_said_in_words(any_app: Flask) -> None:
    with transaction() as session:
        session.execute(text("DROP TABLE leader"))
    reason = f"the database does not answer ({a_missing_table()})"
    assert scheduler_health_check()["reason"] == reason
    assert reasons_not_ready() == [reason]


def test_readiness_tells_of_an_old_schema(app: Flask) -> None:
    a_leader()
    assert reasons_not_ready() == []
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '20010101_older'"))
    [reason] = reasons_not_ready()
    assert reason.startswith("the database is at revision 20010101_older, this version needs ")


def test_readiness_lasts_while_a_later_version_has_upgraded_the_schema_already(app: Flask) -> None:
    a_leader()
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '29991231_later'"))
    assert reasons_not_ready() == []


def test_readiness_tells_of_a_database_that_takes_no_letters(any_app: Flask) -> None:
    a_leader()
    with transaction() as session:
        session.execute(text("ALTER TABLE letter RENAME TO letter_before"))
    assert reasons_not_ready() == [f"no letter can be put into the outbox ({a_missing_table()})"]


def test_readiness_over_http(app: Flask, client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["reasons"] == ["no process leads the clock"]
    a_leader()
    assert client.get("/readyz").status_code == 200


def test_the_report_names_each_job_and_no_person_or_host(app: Flask, client: FlaskClient) -> None:
    a_leader()
    a_stored_job("purge_old_exchanges", 3600)
    a_stored_job("cleanup_expired_tokens", -120)
    a_stored_job("parked:0123456789ab:old_job", None)
    overrides.set_paused("cleanup_expired_sessions", True)
    jobs.auto_complete_exchanges()
    answer = client.get("/health/jobs")
    assert answer.status_code == 200
    report = answer.get_json()
    assert report["scheduler"]["status"] == "healthy"
    assert report["leader"] == {
        "instance": "opaque-id",
        "term": 3,
        "since": report["leader"]["since"],
    }
    assert report["overdue"] == ["cleanup_expired_tokens"]
    assert report["parked"] == ["old_job"]
    assert report["active"] == []
    assert report["jobs"]["purge_old_exchanges"]["schedule"] == "every day at 02:00 UTC"
    assert report["jobs"]["auto_complete_exchanges"]["last_state"] == "succeeded"
    assert report["jobs"]["cleanup_expired_sessions"]["paused"]
    assert len(report["jobs"]) == 8


def test_the_report_of_a_standing_clock_is_503(client: FlaskClient) -> None:
    assert client.get("/health/jobs").status_code == 503


def test_the_overview_of_an_instance_that_never_ran_lists_its_jobs(app: Flask) -> None:
    overview = jobs_overview(last_runs=10)
    assert [line.id for line in overview.jobs] == [timed.id for timed in RECURRING]
    assert all(line.next_run_at is None and line.last_runs == [] for line in overview.jobs)


@pytest.fixture
def measured(settings: Settings, app: Flask) -> Iterator[FlaskClient]:
    """A browser of an app that has a token for its figures."""
    other = create_app(replace(settings, metrics_token="a-token-of-its-own"))
    yield other.test_client()
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


def test_without_a_token_the_figures_do_not_exist(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic YTpi", "Bearer a-token-of-its-own "])
def test_figures_are_for_who_knows_the_token(measured: FlaskClient, header: str) -> None:
    answer = measured.get("/metrics", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.data == b""


def test_prometheus_can_read_the_figures(app: Flask, measured: FlaskClient) -> None:
    a_leader()
    a_stored_job("purge_old_exchanges", -30)
    jobs.auto_complete_exchanges()
    jobs.auto_complete_exchanges()
    with transaction():
        queue.put(LetterKind.TEST, to_email="olga@example.org")
    answer = measured.get("/metrics", headers={"Authorization": "Bearer a-token-of-its-own"})
    assert answer.status_code == 200
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["jobs_total", "auto_complete_exchanges", "succeeded"] == 2
    assert samples["job_duration_seconds_count", "auto_complete_exchanges"] == 2
    assert samples["job_duration_seconds_sum", "auto_complete_exchanges"] > 0
    assert 25 < samples["job_lag_seconds", "purge_old_exchanges"] < 60
    assert samples["letters", "queued"] == 1
    assert samples[("letters_oldest_waiting_seconds",)] >= 0
    assert samples[("clock_has_leader",)] == 1
    assert samples[("missed_slots",)] == 0
    assert samples[("jobs_parked",)] == 0
