"""The door for the clock; the only importer of APScheduler."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Set the scheduler up as `app.scheduler`, and start nothing."""
