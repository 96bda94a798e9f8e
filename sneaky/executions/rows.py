"""Write rows of the clock: those that may exist already, and those that nobody should have to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from sneaky.core.db import Base, db, insert_into, open_session, transaction

# Well below the time after which a silent leader is given up.
_FROZEN_AFTER = text("SET LOCAL idle_in_transaction_session_timeout = '4s'")


@contextmanager
def brief_transaction() -> Iterator[Session]:
    """A `transaction()` that PostgreSQL takes back if this process freezes in the middle of it.

    A frozen process would keep its row locks, and so keep the next leader from taking over.
    """
    with transaction() as session:
        if db.engine.dialect.name == "postgresql":
            session.execute(_FROZEN_AFTER)
        yield session


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
