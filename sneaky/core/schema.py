"""The schema's revisions: bring a database to head, one process at a time, and tell where it stands."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, create_engine, inspect, select, table, text

from sneaky.core.db import engine_options, normalise_url
from sneaky.core.errors import SneakyError

if TYPE_CHECKING:
    from alembic.config import Config

# Any number will do, as long as it stays the same: it names the lock that upgrades take on PostgreSQL.
_ADVISORY_LOCK = 0x5EA1_ED
_VERSIONS = "alembic_version"
_VERSIONS_OF_ENGINE = "alembic_version_engine"


class SchemaTooNew(SneakyError):
    """This database was upgraded by a newer Sneaky Klaus. Start that version, or restore a backup."""


class SchemaBroken(SneakyError):
    """The upgrade left rows that point nowhere; it was taken back. Please report this."""


def migrations_folder() -> Path:
    """Where the revisions lie: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def configuration(connection: Connection | None = None, *, of_engine: bool = False) -> Config:
    """Alembic's configuration, made here so that no ini file has to lie around.

    The tables of procrastinate have a line of revisions of their own, recorded apart from ours.
    """
    from alembic.config import Config  # noqa: PLC0415  (12 MiB that only an upgrade needs)

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    folder = migrations_folder() / ("engine" if of_engine else "versions")
    config.set_main_option("version_locations", str(folder).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = _VERSIONS_OF_ENGINE if of_engine else _VERSIONS
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this version knows, oldest first: their files are named for them and sort by date."""
    return tuple(sorted(file.stem for file in (migrations_folder() / "versions").glob("2*.py")))


def head() -> str:
    """The newest revision this version knows."""
    return revisions()[-1]


def current(connection: Connection) -> str | None:
    """The revision of the database behind `connection`; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def is_engine_ready(connection: Connection) -> bool:
    """Whether the tables of procrastinate are there, as this version needs them."""
    if not inspect(connection).has_table(_VERSIONS_OF_ENGINE):
        return False
    newest = max(file.stem for file in (migrations_folder() / "engine").glob("2*.py"))
    recorded = connection.scalar(select(column("version_num")).select_from(table(_VERSIONS_OF_ENGINE)))
    return bool(recorded == newest)


def upgrade(database_url: str, lock_folder: Path, *, with_engine: bool = False) -> tuple[str | None, str]:
    """Bring the database to head; waits while another process does. Returns the revision before and after.

    `with_engine` brings procrastinate's tables to their head too.

    Raises `SchemaTooNew` where the database is ahead of this version, and `SchemaBroken` where an upgrade
    would leave dangling rows. Either way nothing has changed.
    """
    with connected(database_url) as engine, one_at_a_time(engine, lock_folder):
        before = _revision(engine)
        if before is not None and before not in revisions():
            raise SchemaTooNew
        if before != head():
            with rebuilding(engine) as connection:
                bring_to(connection, head())
        if with_engine:
            with rebuilding(engine) as connection:
                _bring_engine(connection)
        return before, head()


@contextmanager
def connected(database_url: str) -> Iterator[Engine]:
    """An engine of its own for one piece of work, whose connections are closed at the end."""
    url = normalise_url(database_url)
    engine = create_engine(url, **engine_options(url))
    try:
        yield engine
    finally:
        engine.dispose()


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return current(connection)


def bring_to(connection: Connection, revision: str) -> None:
    """Upgrade to a revision inside the transaction of the caller, which `rebuilding` has opened."""
    from alembic import command  # noqa: PLC0415  (see above)

    command.upgrade(configuration(connection), revision)


def _bring_engine(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  (see above)

    if not is_engine_ready(connection):
        command.upgrade(configuration(connection, of_engine=True), "head")


@contextmanager
def rebuilding(engine: Engine) -> Iterator[Connection]:
    """One transaction in which tables may be rebuilt and filled, and nothing dangles in the end.

    SQLite rebuilds tables by dropping them, which must not cascade: its foreign keys rest meanwhile.
    """
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            _set_foreign_keys(connection, "OFF")
        try:
            with connection.begin():
                yield connection
                if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise SchemaBroken
        finally:
            if is_sqlite:
                _set_foreign_keys(connection, "ON")


def _set_foreign_keys(connection: Connection, state: str) -> None:
    """Switch foreign keys outside of any transaction, where alone SQLite listens."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise SchemaBroken
    driver.execute(f"PRAGMA foreign_keys={state}")


@contextmanager
def one_at_a_time(engine: Engine, lock_folder: Path) -> Iterator[None]:
    """Hold the one lock for upgrades: a file's beside SQLite, an advisory one on PostgreSQL."""
    if engine.dialect.name == "sqlite":
        lock_folder.mkdir(parents=True, exist_ok=True)
        with (lock_folder / ".migrate.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
