"""Runs the migrations: one at a time, in one transaction, without losing rows to SQLite's table rebuilds."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, MetaData

import sneaky.models  # noqa: F401  (fills the metadata)
from sneaky.core.db import Base, UtcDateTime

JOB_STORE = "apscheduler_jobs"
STRANGERS = (JOB_STORE, "procrastinate_", "alembic_version_")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the tables of APScheduler and procrastinate out of comparisons: their shape is theirs to say."""
    return not (kind == "table" and name is not None and name.startswith(STRANGERS))


def include_object(_thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """The same for our own description of APScheduler's."""
    return not (kind == "table" and name == JOB_STORE)


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write our instants as the plain column they are, so that old revisions need no code of today."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def with_partial_indexes(metadata: MetaData) -> MetaData:
    """The models name the condition of a partial index for SQLite alone; it is the same on PostgreSQL.

    To name it for both would load the dialect of PostgreSQL in every process: three MiB.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    return metadata


def run(connection: Connection) -> None:
    """Bring the database behind `connection` to the asked revision."""
    context.configure(
        connection=connection,
        version_table=context.config.attributes["version_table"],
        target_metadata=with_partial_indexes(Base.metadata),
        include_name=include_name,
        include_object=include_object,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
