"""What is copied: every table of a database at one instant, while others go on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine, Table

from sneaky.core import schema
from sneaky.core.errors import SneakyError
from sneaky.upkeep import rows
from sneaky.upkeep.rows import Row


class NothingThere(SneakyError):
    """There is nothing to copy: this database has no tables of Sneaky Klaus."""


class Source(Protocol):
    """What can be put into an empty database: a snapshot of another one, or a backup."""

    @property
    def revision(self) -> str:
        """The revision of the schema that the rows are of."""
        ...

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns of each table."""
        ...

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, with values in the order of its columns."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """A database at one instant."""

    revision: str
    tables: dict[str, Table]
    connection: Connection

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns of each table."""
        return {name: list(table.columns.keys()) for name, table in self.tables.items()}

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, in the order of its primary key."""
        return rows.read(self.connection, self.tables[table])


@contextmanager
def snapshot(engine: Engine) -> Iterator[Snapshot]:
    """See the database as it is now, for as long as it takes; writers do not wait and are not seen.

    SQLite's readers do so anyway. Raises `NothingThere`.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            revision = schema.current(connection)
            if revision is None:
                raise NothingThere
            yield Snapshot(revision, {table.name: table for table in rows.tables_of(connection)}, connection)
