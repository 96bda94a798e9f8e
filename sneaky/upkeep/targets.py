"""Where rows are put: a database that nobody uses and that is blank, or whose old content is kept beside."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from sneaky.core import schema
from sneaky.core.durable import make_private, put_in_place
from sneaky.core.errors import SneakyError
from sneaky.upkeep import rows

_PATIENCE = 3.0  # seconds; a look by `sneaky check` or a health probe is over by then


class InUse(SneakyError):
    """Somebody uses this database. Stop Sneaky Klaus first, every process of it."""


class NotEmpty(SneakyError):
    """There is an instance in this database already."""


class Unusable(SneakyError):
    """This database cannot be used."""


Fill = Callable[[Connection], None]


def put(database_url: str, lock_folder: Path, fill: Fill, *, may_replace: bool, at: datetime) -> str | None:
    """Let `fill` make the content of a database in one transaction: all of it is there then, or nothing.

    Returns where the old content is kept: the name of a file beside SQLite's, of a schema on PostgreSQL; None
    where there was none. Raises `InUse`, and `NotEmpty` where there is an instance that may not be replaced.
    """
    url = make_url(database_url)
    kept_as = f"before-{at:%Y%m%d-%H%M%S}"
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise Unusable("This is no file. Write sqlite:///FILE.")
        return _put_file(Path(url.database), lock_folder, fill, may_replace=may_replace, kept_as=kept_as)
    return _put_on_server(
        database_url, lock_folder, fill, may_replace=may_replace, kept_as=kept_as.replace("-", "_")
    )


def _put_file(file: Path, lock_folder: Path, fill: Fill, *, may_replace: bool, kept_as: str) -> str | None:
    """Fill a new file beside the old one, then swap them. Killed in between, the old one lies beside."""
    is_there = file.exists()
    if is_there:
        _refuse_if_in_use(file)
        if not may_replace and not _is_blank_file(file):
            raise NotEmpty
    fresh = file.with_name(f"{file.name}.filling")
    _delete(fresh)
    try:
        os.close(make_private(fresh))
        with (
            schema.connected(f"sqlite:///{fresh}") as engine,
            schema.one_at_a_time(engine, lock_folder),
            schema.rebuilding(engine) as connection,
        ):
            fill(connection)
        kept = file.with_name(f"{file.name}.{kept_as}") if is_there else None
        if kept is not None:
            put_in_place(file, kept)
        put_in_place(fresh, file)
        return str(kept) if kept else None
    finally:
        _delete(fresh)


def _refuse_if_in_use(file: Path) -> None:
    """Leave the write-ahead log, which SQLite allows to the only connection; it is written back by that.

    A file that is no database is in nobody's use.
    """
    try:
        with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise InUse from None
        raise Unusable(f"{file} cannot be used: {error}.") from None
    except sqlite3.DatabaseError:
        return


def _is_blank_file(file: Path) -> bool:
    try:
        with schema.connected(f"sqlite:///{file}") as engine, engine.connect() as connection:
            return rows.is_blank(connection)
    except (sqlite3.DatabaseError, DBAPIError):
        return False


def _delete(file: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)


def _put_on_server(
    database_url: str, lock_folder: Path, fill: Fill, *, may_replace: bool, kept_as: str
) -> str | None:
    """Move the old tables into a schema beside and fill new ones, in one transaction."""
    with schema.connected(database_url) as engine:
        with engine.connect() as connection:
            if _number_of_others(connection):
                raise InUse
        with schema.one_at_a_time(engine, lock_folder), schema.rebuilding(engine) as connection:
            if not may_replace and not rows.is_blank(connection):
                raise NotEmpty
            kept = _move_aside(connection, kept_as)
            fill(connection)
            return kept


def _number_of_others(connection: Connection) -> int:
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return connection.scalar(others) or 0


def _move_aside(connection: Connection, schema_name: str) -> str | None:
    names = [table.name for table in rows.tables_of(connection)]
    if not names:
        return None
    connection.execute(text(f"CREATE SCHEMA {schema_name}"))
    for name in [*names, "alembic_version"]:
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.execute(text(f"ALTER TABLE {quoted} SET SCHEMA {schema_name}"))
    return schema_name
