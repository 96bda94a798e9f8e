"""Deletes what has expired, in short transactions, so that nobody who writes a page waits long."""

from __future__ import annotations

from sneaky.access import magic_links, rate_limits, sessions
from sneaky.jobs.running import job
from sneaky.jobs.work import Run

_AT_ONCE = 1000


@job()
def cleanup_expired_tokens(run: Run) -> None:
    """Delete expired links, and used ones after a day."""
    run.batches("links", lambda: magic_links.delete_expired(_AT_ONCE))


@job()
def cleanup_expired_sessions(run: Run) -> None:
    """Delete sessions whose time is over."""
    run.batches("sessions", lambda: sessions.delete_expired(_AT_ONCE))


@job()
def cleanup_expired_rate_limits(run: Run) -> None:
    """Delete counts whose window is over."""
    run.batches("rate limits", lambda: rate_limits.delete_expired(_AT_ONCE))
