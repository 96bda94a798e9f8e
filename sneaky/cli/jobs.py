"""`sneaky jobs`: what is scheduled and what ran; run, stop, try again, pause and move."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from flask import Flask
from sqlalchemy import select

from sneaky import jobs as all_jobs
from sneaky.cli import with_app
from sneaky.core.db import db
from sneaky.executions import runs
from sneaky.executions.history import BEGIN_OF_IDS
from sneaky.jobs import steering
from sneaky.jobs.overview import JobLine, jobs_overview
from sneaky.jobs.timetable import BY_ID
from sneaky.jobs.work import WORKS, resolve
from sneaky.models import JobExecution

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_TAKEN_UP = "as soon as the clock takes it up; `sneaky jobs history` tells how it went."


@click.group()
def jobs() -> None:
    """The jobs of the clock."""


@jobs.command("list")
@_as_json
@with_app
def list_jobs(_app: Flask, as_json: bool) -> None:
    """List every recurring job with its schedule, its next run (UTC) and how it is."""
    overview = jobs_overview()
    if as_json:
        click.echo(json.dumps([_job(line) for line in overview.jobs], indent=1))
        return
    for line in overview.jobs:
        next_run = f"{line.next_run_at:%F %H:%M}" if line.next_run_at else ""
        click.echo(f"{line.id:<28} {line.schedule:<26} {next_run:<17} {_how_it_is(line)}".rstrip())
    for job_id in overview.parked:
        click.echo(f"{job_id:<28} parked: this version has no such job")


@jobs.command("run")
@click.argument("name")
@click.argument("ids", nargs=-1, type=int)
@_as_json
@with_app
def run_job(_app: Flask, name: str, ids: tuple[int, ...], as_json: bool) -> None:
    """Run the job NAME now, in the foreground; exit code 1 if it fails.

    IDS are the numbers that a job of one exchange needs: send_reminder_for_exchange EXCHANGE DAYS_BEFORE.
    """
    job, numbers = _asked(name, ids)
    result = getattr(all_jobs, job)(*numbers)
    click.echo(json.dumps(asdict(result), indent=1) if as_json else repr(result))
    if not result.success:
        raise SystemExit(1)


@jobs.command()
@click.argument("run")
@with_app
def stop(_app: Flask, run: str) -> None:
    """Ask a run to stop after its current batch. RUN is its id, or the name of a job that is running."""
    running = runs.running().get(run)
    if running is None and run in BY_ID:
        raise click.ClickException(f"{run} is not running.")
    steering.stop_run(running.public_id if running else run)
    click.echo("It stops after the batch it is at.")


@jobs.command()
@click.argument("run")
@with_app
def retry(_app: Flask, run: str) -> None:
    """Make a failed run again. RUN is its id, or the name of a job whose last run failed."""
    last = runs.latest([run], 1).get(run)
    if last is None and run in BY_ID:
        raise click.ClickException(f"{run} has not run yet, so there is nothing to try again.")
    steering.retry_run(last[0].public_id if last else run)
    click.echo(f"It is tried again {_TAKEN_UP}")


@jobs.command()
@click.argument("name")
@with_app
def pause(_app: Flask, name: str) -> None:
    """Let the job NAME rest until `sneaky jobs resume`; runs it misses are not made up for."""
    steering.set_paused(name, True)
    click.echo("Paused. It does not run by itself until you resume it.")


@jobs.command()
@click.argument("name")
@with_app
def resume(_app: Flask, name: str) -> None:
    """Let the paused job NAME go on."""
    steering.set_paused(name, False)
    click.echo("It runs by itself again.")


@jobs.command()
@click.argument("name")
@click.option("--hour", help="Hour of the day in UTC, or every so many hours.")
@click.option("--minute", help="Minute of the hour, or every so many minutes.")
@click.option("--second", help="Every so many seconds.")
@click.option("--usual", is_flag=True, help="Go back to the timetable.")
@with_app
def schedule(_app: Flask, /, name: str, usual: bool, **fields: str | None) -> None:
    """Move the job NAME within its bounds; they are told where a number lies outside of them."""
    wanted: dict[str, object] = {field: number for field, number in fields.items() if number is not None}
    steering.reschedule(name, steering.usual_numbers(steering.recurring(name)) if usual else wanted)
    click.echo(next(f"Now {line.schedule}." for line in jobs_overview().jobs if line.id == name))


@jobs.command()
@click.option("--job", "job_id", default="", help="Only this job, by its name or by the id of a run's job.")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="How many runs, newest first.",
)
@_as_json
@with_app
def history(_app: Flask, job_id: str, limit: int, as_json: bool) -> None:
    """Show the last runs."""
    query = select(JobExecution).order_by(JobExecution.started_at.desc(), JobExecution.id.desc()).limit(limit)
    if job_id in BEGIN_OF_IDS:
        query = query.where(JobExecution.job_id.startswith(BEGIN_OF_IDS[job_id], autoescape=True))
    elif job_id:
        query = query.where(JobExecution.job_id == job_id)
    rows = [_run(execution) for execution in db.session.scalars(query)]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        took = f"{row['duration']:.2f} s" if row["duration"] is not None else ""
        begin = f"{row['started_at']}  {row['id']}  {row['job_id']:<36}"
        click.echo(f"{begin} {row['state']:<10} {took:>9}  {row['error']}".rstrip())


def _asked(name: str, ids: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The job that somebody named, and the numbers it is to be called with."""
    if not ids and name not in WORKS:
        work, ids = resolve(name)
        return work.name, ids
    if name not in WORKS:
        raise click.UsageError(f"There is no job called {name} that takes numbers.")
    wanted = WORKS[name].id_form.count("{}")
    if len(ids) != wanted:
        form = f", as in {WORKS[name].id_form.format(*[5, 3])}" if wanted else ""
        raise click.UsageError(f"{name} takes {wanted or 'no'} numbers{form}; here are {len(ids)}.")
    return name, ids


def _how_it_is(line: JobLine) -> str:
    told = {
        "running": line.running is not None,
        "paused": line.is_paused,
        "overdue": line.is_overdue,
        "last run failed": bool(line.last_runs) and line.last_runs[-1].is_failed,
    }
    return ", ".join(word for word, applies in told.items() if applies)


def _job(line: JobLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "title": line.title,
        "schedule": line.schedule,
        "next_run": line.next_run_at.isoformat(timespec="seconds") if line.next_run_at else None,
        "running": line.running.public_id if line.running else None,
        "last_state": line.last_runs[-1].state if line.last_runs else None,
        "paused": line.is_paused,
        "changed": line.is_changed,
        "overdue": line.is_overdue,
    }


def _run(execution: JobExecution) -> dict[str, Any]:
    return {
        "id": execution.public_id,
        "job_id": execution.job_id,
        "slot": execution.slot.isoformat(timespec="seconds"),
        "trigger": execution.trigger,
        "state": execution.state,
        "started_at": execution.started_at.isoformat(timespec="seconds"),
        "duration": execution.duration,
        "counts": execution.counts,
        "error": execution.error or execution.reason,
    }
