"""The `sneaky` command: each group does what it says, in words and in JSON, with honest exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from sneaky import __version__
from sneaky.access import organizers
from sneaky.cli import Composer
from sneaky.cli.main import sneaky
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import EXTENSION as SETTINGS
from sneaky.core.settings import Settings
from sneaky.executions import overrides, requests
from sneaky.models import (
    Exchange,
    ExchangeState,
    ExecutionState,
    Instance,
    JobExecution,
    Letter,
    LetterKind,
    LetterState,
    Organizer,
    Participant,
    Reminder,
    Trigger,
)
from tests.clock_factories import a_failed_run, a_run, a_stored_job, a_ticking_clock
from tests.factories import a_participant, an_exchange
from tests.mail_server import Fault, MailServer

Run = Callable[..., Result]
PASSWORD = "correct horse battery"


@pytest.fixture
def served() -> list[str]:
    return []


@pytest.fixture
def run(app: Flask, served: list[str]) -> Run:
    """Run a command on the app's database; `expect` is its exit code."""
    composer = Composer(
        lambda: app,
        lambda: served.append("pages"),
        lambda _app: served.append("clock"),
        lambda _app: served.append("worker"),
    )

    def run(*words: str, expect: int = 0, **options: object) -> Result:
        result = CliRunner().invoke(sneaky, words, obj=composer, **options)  # type: ignore[arg-type]
        assert result.exit_code == expect, (result.output, result.exception)
        db.session.rollback()  # see what the command, in a context of its own, has written
        return result

    return run


def test_version_is_told(run: Run) -> None:
    assert run("--version").output == f"Sneaky Klaus {__version__}\n"


@pytest.mark.parametrize("group", [(), ("admin",), ("db",), ("jobs",), ("mail",), ("scheduler",)])
def test_help_explains_every_command(run: Run, group: tuple[str, ...]) -> None:
    lines = run(*group, "--help").output.split("Commands:")[1].strip().splitlines()
    assert all(len(line.split()) > 3 for line in lines), lines


def test_serve_prints_the_set_up_link_until_somebody_is_set_up(run: Run, served: list[str]) -> None:
    assert "/setup/" in run("serve", "--migrate").stderr
    organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)
    assert "/setup/" not in run("serve").stderr
    assert served == ["pages", "pages"]


def test_scheduler_runs_without_pages(run: Run, served: list[str]) -> None:
    run("scheduler", "run")
    assert served == ["clock"]


def test_a_worker_runs_without_pages_and_clock(run: Run, served: list[str]) -> None:
    run("worker")
    assert served == ["worker"]


def test_config_prints_settings_without_secrets(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SNEAKY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SNEAKY_MAIL_URL", "smtp://klaus:mailpassword@mail.example.org")
    monkeypatch.setenv("SNEAKY_COLOUR", "red")
    text = run("config")
    assert "mailpassword" not in text.output
    assert "SNEAKY_COLOUR is not a setting of ours" in text.stderr
    assert json.loads(run("config", "--json").stdout)["SNEAKY_MAIL_URL"] == "set"


def test_database_tells_where_it_stands(run: Run) -> None:
    assert "this version" in run("db", "status").output
    assert run("db", "upgrade").output == ""
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    run("db", "status", expect=1)


def test_jobs_are_listed_with_their_schedule(run: Run) -> None:
    assert "purge_old_exchanges          every day at 02:00 UTC" in run("jobs", "list").output
    listed = json.loads(run("jobs", "list", "--json").output)
    assert {row["id"] for row in listed} >= {"auto_complete_exchanges", "deliver_letters"}


def test_listed_jobs_tell_their_next_run_and_how_they_are(run: Run) -> None:
    a_stored_job("purge_old_exchanges", next_run_time=now().timestamp() - 3600)
    a_stored_job("parked:abc:job_of_old", next_run_time=None)
    running = a_run("purge_old_exchanges", state=ExecutionState.RUNNING)
    a_failed_run("prune_job_history")
    run("jobs", "pause", "prune_job_history")
    lines = run("jobs", "list").output.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines if line.startswith(("purge", "prune"))] == [
        "running, overdue",
        "paused, last run failed",
    ]
    assert lines[-1].split() == ["job_of_old", "parked:", "this", "version", "has", "no", "such", "job"]
    rows = {row["id"]: row for row in json.loads(run("jobs", "list", "--json").output)}
    assert rows["purge_old_exchanges"]["running"] == running
    assert rows["prune_job_history"]["last_state"] == "failed"


def test_runs_are_stopped_and_tried_again_by_id_or_by_job(run: Run) -> None:
    first = a_run("purge_old_exchanges", state=ExecutionState.RUNNING)
    second = a_run("cleanup_expired_tokens", state=ExecutionState.RUNNING)
    run("jobs", "stop", first)
    run("jobs", "stop", "cleanup_expired_tokens")
    asked = select(JobExecution.public_id).where(JobExecution.is_stop_requested)
    assert set(db.session.scalars(asked)) == {first, second}
    a_failed_run("prune_job_history")
    failed = a_failed_run("auto_complete_exchanges")
    assert "as soon as the clock takes it up" in run("jobs", "retry", "prune_job_history").output
    run("jobs", "retry", failed)
    waiting = {(request.job_id, request.trigger) for request in requests.waiting()}
    assert waiting == {
        ("prune_job_history", Trigger.RETRY),
        ("auto_complete_exchanges", Trigger.RETRY),
    }
    assert "failed" in str(run("jobs", "retry", "purge_old_exchanges", expect=1).exception)
    assert failed in run("jobs", "history").output


def test_jobs_are_paused_resumed_and_moved_within_their_bounds(run: Run) -> None:
    run("jobs", "pause", "purge_old_exchanges")
    assert overrides.all_of_them()["purge_old_exchanges"].is_paused
    run("jobs", "resume", "purge_old_exchanges")
    db.session.expire_all()
    assert not overrides.all_of_them()["purge_old_exchanges"].is_paused
    moved = run("jobs", "schedule", "purge_old_exchanges", "--hour", "5", "--minute", "30")
    assert moved.output == "Now every day at 05:30 UTC.\n"
    refused = run("jobs", "schedule", "purge_old_exchanges", "--hour", "25", expect=1)
    assert "from 0 to 23" in str(refused.exception)
    usual = run("jobs", "schedule", "purge_old_exchanges", "--usual")
    assert usual.output == "Now every day at 02:00 UTC.\n"


def test_job_run_by_hand_leaves_an_execution(run: Run) -> None:
    assert "auto_complete_exchanges succeeded" in run("jobs", "run", "auto_complete_exchanges").output
    (execution,) = db.session.scalars(select(JobExecution))
    assert execution.trigger is Trigger.SHELL
    assert "auto_complete_exchanges" in run("jobs", "history").output
    assert run("jobs", "history", "--job", "purge_old_exchanges").output == ""
    (row,) = json.loads(run("jobs", "history", "--json").output)
    assert row["state"] == "succeeded"


def test_reminder_is_run_by_its_full_name_or_by_its_numbers(run: Run) -> None:
    for words in (["reminder_exchange_7_days_3"], ["send_reminder_for_exchange", "7", "3"]):
        result = json.loads(run("jobs", "run", *words, "--json").stdout)
        assert result["job_id"] == "reminder_exchange_7_days_3"


def test_unknown_job_is_refused(run: Run) -> None:
    result = run("jobs", "run", "make_coffee", expect=1)
    assert "There is no job called make_coffee" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["send_remnder_for_exchange", "7", "3"], "There is no job called send_remnder_for_exchange"),
        (["JobResult", "1"], "There is no job called JobResult"),
        (["send_reminder_for_exchange"], "takes 2 numbers, as in reminder_exchange_5_days_3; here are 0"),
        (["send_reminder_for_exchange", "7"], "here are 1"),
        (["draw_names", "1", "2", "3"], "takes 2 numbers, as in draw_exchange_5_instead_of_3; here are 3"),
        (["purge_old_exchanges", "7"], "purge_old_exchanges takes no numbers; here are 1"),
    ],
)
def test_mistyped_job_is_told_and_leaves_no_run(run: Run, words: list[str], told: str) -> None:
    assert told in run("jobs", "run", *words, expect=2).output
    assert db.session.scalars(select(JobExecution.job_id)).all() == []


def test_number_that_no_row_can_have_names_no_job(run: Run) -> None:
    refused = run("jobs", "run", f"reminder_exchange_{'9' * 20}_days_3", expect=1)
    assert "There is no job called" in str(refused.exception)


def test_job_that_is_not_running_or_never_ran_is_called_so(run: Run) -> None:
    stopped = run("jobs", "stop", "purge_old_exchanges", expect=1)
    assert "purge_old_exchanges is not running." in stopped.output
    retried = run("jobs", "retry", "purge_old_exchanges", expect=1)
    assert "purge_old_exchanges has not run yet" in retried.output


def test_history_finds_the_runs_of_a_job_that_is_about_an_exchange(run: Run) -> None:
    for job_id in ("reminder_exchange_7_days_3", "reminder_exchange_8_days_3", "purge_old_exchanges"):
        a_run(job_id)
    for asked, number in (("send_reminder_for_exchange", 2), ("reminder_exchange_8_days_3", 1)):
        assert len(run("jobs", "history", "--job", asked).output.splitlines()) == number
    assert "is not in the range" in run("jobs", "history", "--limit", "-1", expect=2).output


def test_test_letter_goes_out_and_proves_the_mail(run: Run, settings: Settings) -> None:
    assert run("mail", "test", "You@Example.org").output.startswith("sent")
    assert len(list((settings.data_dir / "letters").glob("*.eml"))) == 1


def test_held_letters_wait_until_resumed(run: Run) -> None:
    run("mail", "hold", "moving house")
    told = run("mail", "test", "you@example.org", expect=1).output
    assert told == "waits with all other letters: moving house\n"
    assert db.session.scalar(select(Instance.mail_held_reason)) == "moving house"
    run("mail", "resume")
    run("mail", "test", "me@example.org")
    assert set(db.session.scalars(select(Letter.state))) == {LetterState.SENT}


def test_test_letter_tells_what_the_mail_server_said_and_what_that_means(
    app: Flask, run: Run, settings: Settings
) -> None:
    with MailServer() as server:
        app.extensions[SETTINGS] = replace(settings, mail_url=f"smtp://localhost:{server.port}")
        assert run("mail", "test", "ann@example.org").output == "sent: 250 OK\n"
        server.always["bob@example.org"] = Fault.UNKNOWN
        told = run("mail", "test", "bob@example.org", expect=1).output
        assert told == ("given up: 550 5.1.1 User unknown\nThis mailbox does not exist. Check the address.\n")
        server.always["cid@example.org"] = Fault.GREYLISTED
        told = run("mail", "test", "cid@example.org", expect=1).output
        assert told.startswith("will be tried again: 450 4.2.0 Greylisted, try again\n")


def test_admin_is_made_and_mended_from_the_command_line(run: Run) -> None:
    run("admin", "setup-link")
    run("admin", "create", "olga@example.org", "--name", "Olga", "--password", PASSWORD)
    assert db.session.scalar(select(Organizer.is_admin)) is True
    run("admin", "setup-link", expect=1)
    run("admin", "reset-password", "olga@example.org", "--password", "another good one")
    assert organizers.sign_in("olga@example.org", "another good one", ip="127.0.0.1")
    run("admin", "end-sessions", "olga@example.org")
    result = run("admin", "end-sessions", "nobody@example.org", expect=1)
    assert result.exception is not None


def test_demo_fills_an_empty_instance_once(run: Run) -> None:
    assert "Sign in as olga@example.org" in run("demo").output
    assert db.session.scalar(select(func.count()).select_from(Participant)) == 30
    states = set(db.session.scalars(select(Exchange.state)))
    assert states == {ExchangeState.REGISTRATION_OPEN, ExchangeState.MATCHED, ExchangeState.COMPLETED}
    assert "nothing was added" in run("demo").output
    assert run("check").output.startswith("All ")


def test_check_tells_each_broken_promise(run: Run) -> None:
    exchange = an_exchange(state=ExchangeState.MATCHED)
    person = a_participant(exchange)
    with transaction() as session:
        session.add(Reminder(exchange_id=an_exchange(), days_before=1, due_at=now() + timedelta(days=1)))
        session.add(Reminder(exchange_id=exchange, days_before=1, due_at=now() - timedelta(hours=1)))
        session.add(
            JobExecution(
                job_id="purge_old_exchanges",
                slot=now(),
                trigger=Trigger.CLOCK,
                started_at=now(),
                lease_until=now() - timedelta(hours=1),
                instance="gone",
            )
        )
        session.add(
            Letter(
                kind=LetterKind.MATCH,
                state=LetterState.SENT,
                priority=0,
                to_email="a@example.org",
                participant_id=person,
                next_try_at=now(),
                created_at=now(),
            )
        )
    found = json.loads(run("check", "--json", expect=1).output)["findings"]
    assert {finding["promise"] for finding in found} == {
        "matched means one current draw",
        "settled letters say when",
        "reminders belong to matched exchanges",
        "nothing runs without a lease",
    }
    assert "broken: " in run("check", expect=1).output


def test_check_misses_the_job_of_an_armed_reminder_while_somebody_leads(run: Run) -> None:
    exchange, due = an_exchange(), now() + timedelta(days=3)
    with transaction() as session:
        session.add(Reminder(exchange_id=exchange, days_before=3, due_at=due, armed_for=due))

    def broken() -> set[str]:
        found = json.loads(run("check", "--json", expect=1).output)["findings"]
        return {finding["promise"] for finding in found}

    assert "armed reminders have their job" not in broken()
    a_ticking_clock()
    assert "armed reminders have their job" in broken()
    a_stored_job(f"reminder_exchange_{exchange}_days_3")
    assert "armed reminders have their job" not in broken()
