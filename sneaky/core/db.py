"""The database: declarative base, UTC instants, and the only way to write, `transaction()`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

from flask import current_app, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Select,
    Table,
    UpdateBase,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, mapped_column, registry
from sqlalchemy.types import TypeDecorator

from sneaky.core import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

_NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_WRITES = "sneaky_writes"
_OPEN = "sneaky_transaction_open"
_DUE = "sneaky_due"
_CONNECTION = "sneaky_connection"
_NUDGE = "sneaky.nudge"
_ENGINE = "sneaky.engine"
_BROKEN = 3  # psycopg.pq.TransactionStatus.INERROR, which is not worth an import on SQLite
# Well below the time after which a silent leader is given up.
_FROZEN_AFTER = text("SET LOCAL idle_in_transaction_session_timeout = '4s'")

Nudge = Callable[[str], None]
# Work that a transaction makes due: its topic and, where it is about one row alone, the id of that row.
Due = tuple[str, int | None]
TellEngine = Callable[[Session, Collection[Due]], None]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC and handed back in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: a time without a zone is not an instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given where an instant is needed")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand back an aware UTC value."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")
pk = Annotated[int, mapped_column(BigId, primary_key=True)]


class Base(DeclarativeBase):
    """Base of every table: named constraints and UTC instants."""

    metadata = MetaData(naming_convention=_NAMING)
    registry = registry(type_annotation_map={datetime: UtcDateTime()}, metadata=metadata)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def normalise_url(url: str) -> str:
    """Return the SQLAlchemy form of a database URL; `postgres://` and `postgresql://` mean psycopg 3."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def engine_options(url: str, *, cut_off_after: int = 30) -> dict[str, Any]:
    """Options for `create_engine`: pools that notice a restarted server, SQLite with our own BEGIN.

    PostgreSQL ends a transaction in which nothing happens for `cut_off_after` seconds: the locks of a process
    that is frozen, or cut off, are not for ever. What the address asks of the server counts beside that.
    What an error says is logged and shown to admins, so the values of its statement are left out.
    """
    asked = make_url(url)
    if asked.get_backend_name() == "sqlite":
        return {"hide_parameters": True, "connect_args": {"timeout": 5.0, "check_same_thread": False}}
    ours = f"-c idle_in_transaction_session_timeout={cut_off_after}s"
    return {
        "hide_parameters": True,
        "pool_pre_ping": True,
        "pool_size": 8,
        "max_overflow": 8,
        "pool_recycle": 1800,
        "pool_timeout": 10,
        "connect_args": {"options": " ".join([ours, *asked.normalized_query.get("options", ())])},
    }


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:
    if "sqlite3" in type(connection).__module__:
        sqlite.prepare(connection)


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        sqlite.begin(connection, writes=connection.get_execution_options().get(_WRITES, False))


@event.listens_for(Session, "after_begin")
def _keep_connection(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """Keep at hand what every `rows_read` of this transaction asks on."""
    session.info[_CONNECTION] = connection


@event.listens_for(Session, "after_transaction_end")
def _leave_connection(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_CONNECTION, None)


@event.listens_for(Engine, "commit")
def _refuse_to_lose_silently(connection: Connection) -> None:
    """PostgreSQL answers COMMIT after a failed statement by rolling back, and calls that a success."""
    if connection.dialect.name != "postgresql":
        return
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status == _BROKEN:
        raise PendingRollbackError("a statement of this transaction failed, so nothing of it can be kept")


@contextmanager
def transaction() -> Iterator[Session]:
    """Write in one transaction: all of the block or nothing of it.

    Opened by a room's public function. A nested call joins the outer one, which alone commits. The
    outermost call ends the reads before it and begins as a writer, so rows are read anew inside. It
    refuses a session with changes made outside, since those would slip into somebody else's commit.
    What `nudge_after_commit` noted is told to the engine, where there is one, in the transaction itself; and
    to the scheduler of this process after the commit.
    """
    session = db.session()
    if session.info.get(_OPEN):
        yield session
        return
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("rows were changed outside of transaction()")
    session.rollback()
    session.expire_all()
    session.info[_OPEN] = True
    session.info[_DUE] = set()
    try:
        session.connection(execution_options={_WRITES: True})
        yield session
        _tell_engine(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_OPEN, None)
        due = session.info.pop(_DUE, set())
    for topic in sorted(topic for topic, row_id in due if row_id is None):
        nudge(topic)


@contextmanager
def brief_transaction() -> Iterator[Session]:
    """A `transaction()` of moments, which PostgreSQL takes back if this process freezes in the middle of it.

    A frozen process would keep its row locks, and so keep every other one from going on.
    """
    with transaction() as session:
        if db.engine.dialect.name == "postgresql":
            session.execute(_FROZEN_AFTER)
        yield session


def open_session() -> Session:
    """The session of the open `transaction()`, for functions that only make sense inside one."""
    session = db.session()
    if not session.info.get(_OPEN):
        raise RuntimeError("this needs an open transaction()")
    return session


@contextmanager
def pretence() -> Iterator[None]:
    """Do the block in the open transaction and take it back: all of the work, and nothing left of it.

    For answers whose duration must not tell whether there was anything to do.
    """
    session = open_session()
    savepoint = session.begin_nested()
    try:
        yield
        session.flush()
    finally:
        savepoint.rollback()


def insert_into(table: type[Base] | Table) -> SqliteInsert | PostgresqlInsert:
    """An INSERT of the database's own dialect, which knows ON CONFLICT. The other dialect is not loaded."""
    dialect = importlib.import_module(f"sqlalchemy.dialects.{db.engine.dialect.name}")
    insert: SqliteInsert | PostgresqlInsert = dialect.insert(table)
    return insert


def rows_read(query: Select[*tuple[Any, ...]], **values: object) -> CursorResult[*tuple[Any, ...]]:
    """Ask a query for columns, in the session's transaction but on its connection; `values` fill its binds.

    Twice as fast as through the session, which prepares for mapped objects. Changes that were not flushed
    do not show.
    """
    session = db.session()
    connection = session.info.get(_CONNECTION) or session.connection()
    return connection.execute(query, values)


def rows_written(session: Session, statement: UpdateBase) -> int:
    """Execute an INSERT, UPDATE or DELETE straight in the database; how many rows it wrote.

    Rows that the session has loaded already do not notice.
    """
    options = {"synchronize_session": False, "preserve_rowcount": True}
    result = cast("CursorResult[Any]", session.execute(statement, execution_options=options))
    return result.rowcount


def nudge_after_commit(topic: str, row_id: int | None = None) -> None:
    """Remember to nudge the scheduler about `topic` once the open transaction has committed.

    With a `row_id` the work is a worker's and no scheduler's: then only an engine is told.
    """
    db.session().info.setdefault(_DUE, set()).add((topic, row_id))


def set_engine(extensions: dict[str, Any], tell: TellEngine) -> None:
    """Let the composer hand in the engine that is told, inside each transaction, what it makes due."""
    extensions[_ENGINE] = tell


def has_engine() -> bool:
    """Whether an engine carries work to the workers; otherwise they look for rows themselves."""
    return _ENGINE in current_app.extensions


def _tell_engine(session: Session) -> None:
    tell: TellEngine | None = current_app.extensions.get(_ENGINE)
    due = session.info[_DUE]
    if tell is not None and due:
        tell(session, due)


def set_nudge(extensions: dict[str, Any], wake: Nudge | None) -> None:
    """Let the composer hand in how to wake this process's scheduler; None: nobody to wake here."""
    extensions[_NUDGE] = wake


def nudge(topic: str) -> None:
    """Wake this process's scheduler, if it runs one; another process notices by itself within 10 s."""
    wake: Nudge | None = current_app.extensions.get(_NUDGE) if has_app_context() else None
    if wake is not None:
        wake(topic)
