"""The one place that asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251


def monotonic() -> float:
    """Seconds on a clock that nobody can set; only differences mean something."""
    return time.monotonic()
