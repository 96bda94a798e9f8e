"""What an admin looks at to see whether the instance is well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select

from sneaky.core import schema
from sneaky.core.db import db
from sneaky.core.settings import settings
from sneaky.executions import alerts, health
from sneaky.executions.alerts import OpenTrouble
from sneaky.executions.health import LeaderView
from sneaky.jobs.health import reasons_not_ready
from sneaky.models import Instance
from sneaky.outbox import queue
from sneaky.outbox.gate import Pause


@dataclass(frozen=True)
class DatabaseVitals:
    """Which database, with which revision of the schema; `bytes_used` in bytes."""

    kind: str
    version: str
    revision: str | None
    bytes_used: int


@dataclass(frozen=True)
class MailVitals:
    """How letters go: by which kind of transport, whether it ever took one, and what keeps them back."""

    transport: str
    is_proven: bool
    accepted_at: datetime | None
    held_reason: str | None
    pause: Pause | None


@dataclass(frozen=True)
class Vitals:
    """How the instance is. `reasons` say in words why people should not be sent here; none: it is ready."""

    reasons: list[str]
    leader: LeaderView
    jobs: int
    database: DatabaseVitals
    mail: MailVitals
    set_up_at: datetime | None
    backed_up_at: datetime | None
    troubles: list[OpenTrouble]


def vitals() -> Vitals:
    """How the instance is right now."""
    reasons = reasons_not_ready()
    instance = db.session.scalar(select(Instance))
    return Vitals(
        reasons,
        health.leader(),
        health.stored_jobs(),
        _database(),
        _mail(instance),
        instance.set_up_at if instance else None,
        instance.backed_up_at if instance else None,
        alerts.open_troubles(),
    )


def _database() -> DatabaseVitals:
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        kind, version, size = (
            "SQLite",
            "SELECT sqlite_version()",
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        )
    else:
        kind, version, size = (
            "PostgreSQL",
            "SHOW server_version",
            "SELECT pg_database_size(current_database())",
        )
    return DatabaseVitals(
        kind,
        str(connection.exec_driver_sql(version).scalar_one()),
        schema.current(connection),
        int(connection.exec_driver_sql(size).scalar_one()),
    )


def _mail(instance: Instance | None) -> MailVitals:
    return MailVitals(
        urlsplit(settings().mail_url).scheme,
        queue.is_mail_proven(),
        instance.mail_accepted_at if instance else None,
        queue.held_reason(),
        queue.pause_now(),
    )
