"""Heartbeats for a dead-man switch: a ping at start, success and failure of a job."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import current_app

from sneaky.core.clock import monotonic
from sneaky.core.settings import settings

if TYPE_CHECKING:
    import urllib3

logger = logging.getLogger(__name__)
_EXTENSION = "sneaky.heart"
_WAITING_AT_MOST = 100
_BETWEEN_TICKS = 60.0


class Heart:
    """Pings `<url>/<job>/start`, `<url>/<job>` and `<url>/<job>/fail` from a thread of its own.

    A watcher that answers slowly or not at all delays no job: of many waiting pings the newest are left out.
    """

    def __init__(self, url: str, *, connect: float = 2.0, read: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._ticked: dict[str, float] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
        self._room = threading.BoundedSemaphore(_WAITING_AT_MOST)
        self._timeouts = {"connect": connect, "read": read}

    @cached_property
    def _http(self) -> urllib3.PoolManager:
        import urllib3  # noqa: PLC0415  (a mebibyte that only instances with a watcher need)

        return urllib3.PoolManager(timeout=urllib3.Timeout(**self._timeouts), retries=False, maxsize=1)

    def started(self, job: str) -> None:
        """Say that a run has begun."""
        self._ping(f"{quote(job)}/start")

    def ended(self, job: str, *, is_success: bool) -> None:
        """Say how a run has ended."""
        self._ping(quote(job) if is_success else f"{quote(job)}/fail")

    def ticked(self, job: str, *, is_success: bool) -> None:
        """Say how a tick went: failures at once, successes at most once a minute."""
        if not is_success or monotonic() - self._ticked.get(job, -_BETWEEN_TICKS) >= _BETWEEN_TICKS:
            self._ticked[job] = monotonic()
            self.ended(job, is_success=is_success)

    def _ping(self, path: str) -> None:
        if self._url and self._room.acquire(blocking=False):
            self._thread.submit(self._send, f"{self._url}/{path}")

    def _send(self, url: str) -> None:
        import urllib3  # noqa: PLC0415  (as above)

        try:
            answer = self._http.request("GET", url)
        except urllib3.exceptions.HTTPError as error:
            logger.warning("heartbeat not heard", extra={"cause": type(error).__name__})
        else:
            if answer.status >= 400:
                logger.warning("heartbeat refused", extra={"status": answer.status})
        finally:
            self._room.release()


def heart() -> Heart:
    """The heart of the running app, made when it is first needed."""
    made: Heart | None = current_app.extensions.get(_EXTENSION)
    if made is None:
        made = current_app.extensions[_EXTENSION] = Heart(settings().heartbeat_url)
    return made
