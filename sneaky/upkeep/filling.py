"""Fills a database from a snapshot or a backup: all of it or nothing, brought to head, its letters held."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import DataError, IntegrityError

from sneaky.core import schema
from sneaky.core.errors import SneakyError
from sneaky.models import (
    AuditEntry,
    ExecutionState,
    Instance,
    JobExecution,
    Letter,
    LetterState,
    Trouble,
    TroubleKind,
)
from sneaky.upkeep import rows
from sneaky.upkeep.snapshots import Source

RESTORED, COPIED = "instance.restored", "instance.copied"
_INSTANCE = 1
_MISFITS = (KeyError, ValueError, TypeError, ArithmeticError, IntegrityError, DataError)


class DoesNotFit(SneakyError):
    """The rows do not fit into the tables of their revision."""


def fill(connection: Connection, source: Source, *, at: datetime, reason: str, action: str) -> dict[str, int]:
    """Make the tables of the source's revision, copy its rows, and bring them to head; one transaction.

    The outbox is held at `at` for `reason`, whatever the source said, and the audit trail gets a line
    `action`. Returns the number of rows of each table. Raises `DoesNotFit`, and `SchemaTooNew` where
    this version does not know the revision.
    """
    if source.revision not in schema.revisions():
        raise schema.SchemaTooNew
    schema.bring_to(connection, source.revision)
    counts = _copy(connection, source)
    schema.bring_to(connection, schema.head())
    _hold_letters(connection, at, reason)
    _take_out_of_hands(connection)
    connection.execute(insert(AuditEntry).values(at=at, action=action, details=dict(_told(counts))))
    return counts


def _copy(connection: Connection, source: Source) -> dict[str, int]:
    counts = {}
    given = source.columns
    for table in rows.tables_of(connection):
        if table.name not in given:
            continue
        try:
            counts[table.name] = rows.write(connection, table, given[table.name], source.rows(table.name))
        except _MISFITS as error:
            raise DoesNotFit(f"Table {table.name} does not fit: {error!r}") from error
        rows.continue_counting(connection, table)
    if unknown := set(filter(rows.is_ours, given)) - counts.keys():
        raise DoesNotFit(f"Revision {source.revision} has no table {', '.join(sorted(unknown))}.")
    return counts


def _hold_letters(connection: Connection, at: datetime, reason: str) -> None:
    """Hold the outbox. An open refusal is closed: with other mail settings it would end the hold."""
    held = {"mail_held_at": at, "mail_held_reason": reason}
    found = connection.execute(update(Instance).where(Instance.id == _INSTANCE).values(**held))
    if not found.rowcount:
        connection.execute(insert(Instance).values(id=_INSTANCE, **held))
    connection.execute(
        update(Trouble)
        .where(Trouble.kind == TroubleKind.MAIL_REFUSED, Trouble.closed_at.is_(None))
        .values(closed_at=at)
    )


def _take_out_of_hands(connection: Connection) -> None:
    """Whoever sent a letter or made a run at the instant of the source is not here: both wait for others."""
    nobody = {"lease_id": None, "lease_until": None}
    sending = update(Letter).where(Letter.state == LetterState.SENDING)
    connection.execute(sending.values(state=LetterState.QUEUED, **nobody))
    running = update(JobExecution).where(JobExecution.state == ExecutionState.RUNNING)
    connection.execute(running.values(**nobody))


def _told(counts: Mapping[str, int]) -> Mapping[str, int]:
    return {"tables": len(counts), "rows": sum(counts.values())}
