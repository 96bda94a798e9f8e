"""What waits in procrastinate's queues, for people who look after the instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from sneaky.core.clock import now
from sneaky.core.db import db, has_engine

_COUNTED = text(
    """
    SELECT job.queue_name,
           count(*) FILTER (WHERE job.status = 'todo') AS waiting,
           count(*) FILTER (WHERE job.status = 'doing') AS running,
           min(event.at) FILTER (WHERE job.status = 'todo') AS oldest
    FROM procrastinate_jobs AS job
    LEFT JOIN procrastinate_events AS event ON event.job_id = job.id AND event.type = 'deferred'
    WHERE job.status IN ('todo', 'doing')
    GROUP BY job.queue_name
    ORDER BY job.queue_name
    """
)


@dataclass(frozen=True)
class Queue:
    """One queue of the engine: how many jobs wait and run, and since when the oldest waits (UTC instant)."""

    name: str
    waiting: int
    running: int
    oldest: datetime | None

    @property
    def waited(self) -> timedelta:
        """How long the oldest has waited; zero where none does."""
        return max(now() - self.oldest, timedelta()) if self.oldest else timedelta()


def queues() -> list[Queue]:
    """The engine's queues that are not empty; none without an engine."""
    if not has_engine():
        return []
    return [Queue(*row) for row in db.session.execute(_COUNTED)]
