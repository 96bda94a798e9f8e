"""Heartbeats for a dead-man switch: a ping at start, success and failure of a job."""

from __future__ import annotations

import atexit
import logging
import threading
from contextlib import suppress
from functools import cached_property
from queue import Full, Queue
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
_AT_THE_END = 3.0  # seconds that a process which ends waits for pings that were not sent yet


class Heart:
    """Pings `<url>/<job>/start`, `<url>/<job>` and `<url>/<job>/fail` from a thread of its own.

    A watcher that answers slowly or not at all delays no job, and no process that ends for more than moments:
    of many waiting pings the newest are left out, and at the end those that still wait.
    """

    def __init__(self, url: str, *, connect: float = 2.0, read: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._ticked: dict[str, float] = {}
        self._waiting: Queue[str] = Queue(_WAITING_AT_MOST)
        self._timeouts = {"connect": connect, "read": read}
        if self._url:
            threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
            atexit.register(self.rest)

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

    def rest(self, seconds: float = _AT_THE_END) -> None:
        """Wait until every ping was sent, or had its chance; at most so long."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def _ping(self, path: str) -> None:
        if self._url:
            with suppress(Full):
                self._waiting.put_nowait(f"{self._url}/{path}")

    def _beat(self) -> None:
        while True:
            try:
                self._send(self._waiting.get())
            finally:
                self._waiting.task_done()

    def _send(self, url: str) -> None:
        import urllib3  # noqa: PLC0415  (as above)

        try:
            answer = self._http.request("GET", url)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            logger.warning("heartbeat not heard", extra={"cause": type(error).__name__})
        else:
            if answer.status >= 300:  # nobody follows to another address, where http became https perhaps
                logger.warning("heartbeat refused", extra={"status": answer.status})


def heart() -> Heart:
    """The heart of the running app, made when it is first needed."""
    made: Heart | None = current_app.extensions.get(_EXTENSION)
    if made is None:
        made = current_app.extensions[_EXTENSION] = Heart(settings().heartbeat_url)
    return made
