"""Deleting most of a large table in batches, against one DELETE, while somebody on the web writes. SQLite."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, text

from bench.harness import Parts, Row, at_least, at_most, seconds
from bench.instance import instance
from sneaky.access import rate_limits
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import RateLimit

KEPT, EXPIRED = 100_000, 900_000
AT_ONCE = 1_000
PERIOD = 0.02


def _rate_limits() -> Iterator[Row]:
    """Counts of tries whose window is over; others are still running."""
    with instance():
        _fill()
        own_wait, own_total = _while_writing(_in_batches)
    with instance():
        _fill()
        naive_wait, naive_total = _while_writing(_at_once)
    yield at_least(
        50,
        naive_wait / own_wait,
        metric="cleanup of 900k of 1M rows, longest wait of a writer",
        against="one DELETE",
        note=f"{own_wait * 1000:.0f} ms against {naive_wait:.1f} s",
    )
    yield at_most(
        4, own_total / naive_total, metric="cleanup of 900k of 1M rows, in all", against="one DELETE"
    )


def _in_batches() -> None:
    while rate_limits.delete_expired(AT_ONCE) == AT_ONCE:
        pass


def _at_once() -> None:
    with transaction() as session:
        session.execute(delete(RateLimit).where(RateLimit.expires_at <= now()))


def _fill() -> None:
    """Rows under random keys, as real ones are; they expired one after the other, a tenth has not yet."""
    rows = text(
        "INSERT INTO rate_limit (key, hits, expires_at)"
        " WITH RECURSIVE row(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM row WHERE number < :rows)"
        " SELECT hex(randomblob(32)), 1, datetime(:first, number || ' seconds') || '.000000' FROM row"
    )
    first = now() - timedelta(seconds=EXPIRED)
    with transaction() as session:
        session.execute(rows, {"rows": KEPT + EXPIRED, "first": f"{first:%Y-%m-%d %H:%M:%S}"})


def _while_writing(clean: Callable[[], None]) -> tuple[float, float]:
    """The longest wait of a writer who comes every 20 ms, and the seconds that `clean` took.

    The writer's loop is open: a write that is late delays the ones behind it, and their waits count in full.
    """
    over, waits = threading.Event(), [0.0]
    file = Path(str(db.engine.url.database))

    def write() -> None:
        connection = sqlite3.connect(file, timeout=600, isolation_level=None)
        due = time.perf_counter()
        while not over.is_set():
            due += PERIOD
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.execute("UPDATE organizer SET signed_in_at = '2026-01-01 00:00:00'")
            waits.append(time.perf_counter() - due)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = seconds(clean)
    finally:
        over.set()
        writer.join()
    return max(waits), taken


PARTS: Parts = {"rate-limits": _rate_limits}
