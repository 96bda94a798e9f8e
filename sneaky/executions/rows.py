"""Write rows of the clock that may exist already."""

from __future__ import annotations

from typing import Any

from sneaky.core.db import Base, insert_into, open_session


def insert_new(table: type[Base], **values: Any) -> int | None:
    """Insert one row in the open transaction and return its id; None where a unique rule knows it already."""
    statement = insert_into(table).values(**values).on_conflict_do_nothing()
    made: int | None = open_session().scalar(statement.returning(table.__table__.c.id))
    return made


def put(table: type[Base], key: str, **values: Any) -> None:
    """Insert a row in the open transaction, or change the one with the same `key`, a unique column."""
    statement = insert_into(table).values(**values)
    changed = {name: statement.excluded[name] for name in values if name != key}
    open_session().execute(statement.on_conflict_do_update(index_elements=[key], set_=changed))
