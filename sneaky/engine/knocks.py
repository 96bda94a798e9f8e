"""Tells procrastinate what is due, on the connection and in the transaction of those who made it due."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import psycopg
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sneaky.core.db import Due
from sneaky.engine import LETTERS, RUN_TASK, RUNS, SEND_TASK

# Never opened: it makes the statements, and each of them goes over a connection of ours.
_app = App(connector=SyncPsycopgConnector())
logging.getLogger("procrastinate").setLevel(logging.WARNING)


def knock(session: Session, due: Collection[Due]) -> None:
    """Defer a job for each run that waits for a worker, and one for letters, in the open transaction.

    What is no worker's business is left out. Raises SQLAlchemy's `DBAPIError`; then nothing can be committed.
    """
    session.flush()  # and so the transaction has begun, which procrastinate knows only from the connection
    bound = session.connection()
    try:
        _defer(bound.connection.driver_connection, due)
    except ConnectorException as failed:
        cause = failed.__cause__ or failed
        raise DBAPIError.instance(None, None, cause, psycopg.Error, dialect=bound.dialect) from failed


def _defer(connection: Any, due: Collection[Due]) -> None:
    for topic, row_id in sorted(due, key=lambda one: (one[0], one[1] or 0)):
        if row_id is not None and topic in (RUNS, LETTERS):
            _knock_for_run(connection, topic, row_id)
        elif topic == LETTERS:
            # No lock: it would keep transactions waiting for each other. One that finds nothing costs little.
            _app.configure_task(SEND_TASK, queue=LETTERS, connection=connection).defer()


def _knock_for_run(connection: Any, queue: str, execution_id: int) -> None:
    """Once for each run, however often it is told: a second job would be one that waits for nothing.

    The refusal breaks the transaction for PostgreSQL, hence the savepoint.
    """
    job = _app.configure_task(
        RUN_TASK, queue=queue, queueing_lock=f"{RUN_TASK}:{execution_id}", connection=connection
    )
    with suppress(AlreadyEnqueued), connection.transaction():
        job.defer(execution_id=execution_id)
