"""What SQLite needs to be told at each connection, and how its writers take turns."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

_BUSY = 5  # SQLITE_BUSY, the low byte of a code that may say more
_TURN = 0.002  # seconds


def prepare(connection: Any) -> None:
    """Give a new DBAPI connection what it lacks, and take BEGIN over: the driver's loses updates."""
    connection.isolation_level = None
    cursor = connection.cursor()
    # The commit that takes the log over this many pages (16 MB) waits until they are in the database.
    durable = ("journal_mode=WAL", "synchronous=NORMAL", "wal_autocheckpoint=4000")
    for pragma in (*durable, "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # SQLite's own changes A to Z alone, and whoever looks for “änne” wants to find Änne.
    connection.create_function("lower", 1, _lower, deterministic=True)


def begin(connection: Connection, *, writes: bool) -> None:
    """Begin a transaction: readers never wait, writers queue here, for as long as the connection's timeout.

    Raises `OperationalError` where it ends before their turn came.
    """
    if not writes:
        # Straight to the driver: nothing can fail here that the first query would not tell better.
        connection.connection.cursor().execute("BEGIN")
        return
    cursor = connection.connection.cursor()
    (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
    give_up_at = time.monotonic() + patience / 1000
    # SQLite's own naps grow to a tenth of a second, and last through many a gap between two writers.
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while not _is_begun(connection, is_last_try=time.monotonic() >= give_up_at):
            time.sleep(_TURN)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={int(patience)}")
        cursor.close()


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def _is_begun(connection: Connection, *, is_last_try: bool) -> bool:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        is_busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == _BUSY
        if is_last_try or not is_busy:
            raise
        return False
    return True
