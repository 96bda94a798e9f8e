"""Which workers are there: each beats on a row of its own; whoever leads looks at all of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from sneaky.core.clock import now
from sneaky.core.db import brief_transaction, db
from sneaky.executions.rows import put
from sneaky.models import Worker


def beat(instance: str, since: datetime) -> None:
    """Say that the worker of this opaque id, there since `since`, is alive."""
    with brief_transaction():
        put(Worker, "instance", instance=instance, since=since, seen_at=now())


def sign_off(instances: Collection[str]) -> None:
    """Forget workers that stopped, or that nobody has heard of for long."""
    with brief_transaction() as session:
        gone = delete(Worker).where(Worker.instance.in_(instances))
        session.execute(gone.execution_options(synchronize_session=False))


def last_seen() -> dict[str, datetime]:
    """When each worker said last that it is alive, by the worker's own clock."""
    return {row.instance: row.seen_at for row in db.session.execute(select(Worker.instance, Worker.seen_at))}
