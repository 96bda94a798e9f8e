"""Rows as plain JSON values, read from and written into tables of any revision, on either database."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    type_coerce,
)

Row = list[Any]

_AT_ONCE = 1000
# What alembic and procrastinate keep for themselves is of one database, and made anew in another.
_NOT_OURS = ("alembic_version", "procrastinate_")


@dataclass(frozen=True)
class _Coding:
    """How the values of one kind of column become plain JSON values and come back."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def tables_of(connection: Connection) -> list[Table]:
    """Our tables as they are in the database, each after those it refers to."""
    found = inspect(connection)
    ordered = [name for name, _keys in found.get_sorted_table_and_fkc_names() if name]
    return [_table(connection, name) for name in ordered if is_ours(name)]


def is_ours(table: str) -> bool:
    """Whether a table is of the instance, and not one that alembic or procrastinate keep for themselves."""
    return not table.startswith(_NOT_OURS)


def read(connection: Connection, table: Table) -> Iterator[Row]:
    """Every row in the order of the primary key, a few at a time in memory."""
    codings = [_coding(column) for column in table.columns]
    columns = [_as_text(column) if isinstance(column.type, JSON) else column for column in table.columns]
    query = select(*columns).order_by(*table.primary_key)
    answer = connection.execution_options(stream_results=True, yield_per=_AT_ONCE).execute(query)
    for row in answer:
        yield [
            None if value is None else coding.encode(value)
            for value, coding in zip(row, codings, strict=True)
        ]


def write(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows whose values stand in the order of `columns`; returns how many the table has then.

    Raises KeyError for a column that the table does not have, and ValueError or TypeError for a value that
    its column cannot hold.
    """
    codings = [_coding(table.columns[name]) for name in columns]
    statement = insert(table).values(
        {name: _placeholder(table.columns[name], connection) for name in columns}
    )
    decoded = (
        {
            f"new_{name}": None if value is None else coding.decode(value)
            for name, value, coding in zip(columns, row, codings, strict=True)
        }
        for row in rows
    )
    while some := list(islice(decoded, _AT_ONCE)):
        connection.execute(statement, some)
    return connection.scalar(select(func.count()).select_from(table)) or 0


def continue_counting(connection: Connection, table: Table) -> None:
    """Let PostgreSQL's sequence go on after the highest id; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key:
        quoted = connection.dialect.identifier_preparer.quote(table.name)
        sequence = connection.scalar(select(func.pg_get_serial_sequence(quoted, column.name)))
        highest = connection.scalar(select(func.max(column))) if sequence else None
        if highest is not None:
            connection.execute(select(func.setval(sequence, highest)))


def is_blank(connection: Connection) -> bool:
    """Whether nobody has set anything up in this database: no organizer, no exchange."""
    names = set(inspect(connection).get_table_names()) & {"organizer", "exchange"}
    return not any(
        connection.scalar(select(literal(1)).select_from(text(name)).limit(1)) for name in sorted(names)
    )


def _table(connection: Connection, name: str) -> Table:
    """The table's columns and key, asked of the database: the models only know the newest revision."""
    found = inspect(connection)
    keys = set(found.get_pk_constraint(name)["constrained_columns"])
    columns = [
        Column(column["name"], column["type"], primary_key=column["name"] in keys, autoincrement=False)
        for column in found.get_columns(name)
    ]
    return Table(name, MetaData(), *columns)


def _coding(column: Column[Any]) -> _Coding:
    kind = column.type
    if isinstance(kind, DateTime):
        return _Coding(_instant_as_text, _aware if kind.timezone else datetime.fromisoformat)
    if isinstance(kind, LargeBinary):
        return _Coding(lambda value: b64encode(value).decode(), b64decode)
    if isinstance(kind, Numeric):
        return _Coding(str, Decimal)
    return _Coding(_as_it_is, _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def _instant_as_text(value: datetime) -> str:
    """Without a zone: instants in UTC, wall times as they are. So it is in SQLite anyway."""
    return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()


def _aware(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _as_text(column: Column[Any]) -> ColumnElement[Any]:
    """The text of a JSON value, as it is stored: NULL and null are not the same."""
    return cast(column, Text)


def _placeholder(column: Column[Any], connection: Connection) -> ColumnElement[Any]:
    name = f"new_{column.name}"
    if not isinstance(column.type, JSON):
        return bindparam(name, type_=column.type)
    given = bindparam(name, type_=Text())
    return cast(given, JSON) if connection.dialect.name == "postgresql" else type_coerce(given, Text())
