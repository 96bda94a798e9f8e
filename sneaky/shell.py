"""What `flask shell` offers: every job by its name, and a few things to look at."""

from __future__ import annotations

from typing import Any

from flask import Flask

from sneaky import jobs
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import settings


def init_app(app: Flask) -> None:
    """Offer the names below in `flask shell`."""
    app.shell_context_processor(offered)


def offered() -> dict[str, Any]:
    """The jobs, which run in the foreground and hand back their result, the database and the settings."""
    by_name = {name: getattr(jobs, name) for name in jobs.__all__}
    return by_name | {"db": db, "transaction": transaction, "now": now, "settings": settings()}
