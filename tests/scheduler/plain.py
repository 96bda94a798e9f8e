"""Plain APScheduler, as everybody would set it up, to show each trap beside the guarded one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_STOPPED

RUNS: list[str] = []
LET_GO = threading.Event()
BEGUN = threading.Event()


def ran(name: str = "it") -> None:
    RUNS.append(name)


def holds_on(name: str = "it") -> None:
    BEGUN.set()
    LET_GO.wait(60)
    RUNS.append(name)


@contextmanager
def plain_scheduler(folder: Path, **options: object) -> Iterator[BackgroundScheduler]:
    """A scheduler on a store of its own file; shut down at the end."""
    RUNS.clear()
    LET_GO.clear()
    BEGUN.clear()
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'plain.db'}")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone="UTC", **options)
    try:
        yield scheduler
    finally:
        LET_GO.set()
        if scheduler.state != STATE_STOPPED:
            scheduler.shutdown(wait=True)
        store.engine.dispose()
