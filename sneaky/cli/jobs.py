"""`sneaky jobs`: list the jobs, run one now, look at what ran."""

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
from sneaky.executions import overrides
from sneaky.jobs import schedules
from sneaky.jobs.timetable import RECURRING
from sneaky.jobs.work import resolve
from sneaky.models import JobExecution

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def jobs() -> None:
    """The jobs of the clock."""


@jobs.command("list")
@_as_json
@with_app
def list_jobs(_app: Flask, as_json: bool) -> None:
    """List every recurring job with its schedule (UTC)."""
    changed = overrides.all_of_them()
    rows = []
    for timed in RECURRING:
        override = changed.get(timed.id)
        fields = schedules.cron_fields(timed, override.schedule if override else None)
        words = schedules.in_words(fields)
        paused = bool(override and override.is_paused)
        rows.append({"id": timed.id, "title": timed.title, "schedule": words, "paused": paused})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        click.echo(f"{row['id']:<28} {row['schedule']:<32} {'paused' if row['paused'] else ''}".rstrip())


@jobs.command("run")
@click.argument("name")
@click.argument("ids", nargs=-1, type=int)
@_as_json
@with_app
def run_job(_app: Flask, name: str, ids: tuple[int, ...], as_json: bool) -> None:
    """Run the job NAME now, in the foreground; exit code 1 if it fails.

    IDS are the numbers that a job of one exchange needs: send_reminder_for_exchange EXCHANGE DAYS_BEFORE.
    """
    work, ids_in_name = resolve(name) if not ids else (None, ids)
    result = getattr(all_jobs, work.name if work else name)(*ids_in_name)
    click.echo(json.dumps(asdict(result), indent=1) if as_json else repr(result))
    if not result.success:
        raise SystemExit(1)


@jobs.command()
@click.option("--job", "job_id", help="Only this job.")
@click.option("--limit", default=20, show_default=True, help="How many runs, newest first.")
@_as_json
@with_app
def history(_app: Flask, job_id: str | None, limit: int, as_json: bool) -> None:
    """Show the last runs."""
    query = select(JobExecution).order_by(JobExecution.started_at.desc(), JobExecution.id.desc()).limit(limit)
    if job_id:
        query = query.where(JobExecution.job_id == job_id)
    rows = [_row(execution) for execution in db.session.scalars(query)]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        took = f"{row['duration']:.2f} s" if row["duration"] is not None else ""
        click.echo(
            f"{row['started_at']}  {row['job_id']:<36} {row['state']:<10} {took:>9}  {row['error']}".rstrip()
        )


def _row(execution: JobExecution) -> dict[str, Any]:
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
