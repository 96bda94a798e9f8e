"""The leader's look around, on every round: rows first, then the clock does what they say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from flask import Flask

from sneaky.core.clock import monotonic, now
from sneaky.core.errors import NotFound, words
from sneaky.exchanges import laws
from sneaky.executions import overrides, requests
from sneaky.jobs import hands
from sneaky.jobs.retrying import log_failure
from sneaky.jobs.running import Order
from sneaky.jobs.work import WORKS, resolve
from sneaky.models import Trigger
from sneaky.scheduler.arming import Arming
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.presence import Presence
from sneaky.scheduler.recurring import Recurring
from sneaky.scheduler.stale import Watch
from sneaky.scheduler.store import CarefulJobStore

logger = logging.getLogger(__name__)

# Looking at all that lies ahead takes longer the more there is, so a new leader's first round does without.
_FOLLOWS_LAWS_IN_ROUND = 2


class Sync:
    """What the leader does besides keeping time, during one term.

    At most every `every` seconds, and at once when nudged. One part that fails does not keep the others from
    their turn; the first error is raised in the end, so that the round counts as bad.
    """

    def __init__(
        self,
        app: Flask,
        scheduler: GuardedScheduler,
        store: CarefulJobStore,
        *,
        every: float,
        lease: float,
        patience: float,
    ) -> None:
        self._app = app
        self._scheduler = scheduler
        self._every = every
        self._last = float("-inf")
        self._nudged: set[str] = set()
        self._submitted: set[str] = set()
        self._rounds_to_laws = _FOLLOWS_LAWS_IN_ROUND
        self._lock = threading.Lock()
        self.presence = Presence(patience=patience)
        with app.app_context():
            self._recurring = Recurring(scheduler, overrides.all_of_them())
            self.presence.look()
        self._arming = Arming(scheduler, store)
        self._watch = Watch(scheduler, self.presence, patience=lease)

    def nudge(self, topic: str) -> None:
        """Remember that there is something new; called from any thread, and waits for nobody."""
        with self._lock:
            self._nudged.add(topic)

    def round(self) -> None:
        """Look around once, if it is time."""
        with self._lock:
            topics, self._nudged = self._nudged, set()
        if "letters" in topics:
            self._deliver_now()
        if not topics - {"letters"} and monotonic() - self._last < self._every:
            return
        self._last = monotonic()
        parts = (
            self.presence.look,
            self._recurring.align,
            self._follow_laws,
            self._arming.round,
            self._take_requests,
            self._watch.take_up_stale_runs,
            hands.knock_again,
            self._recurring.make_up,
            self._watch.tell_about_slow_runs,
        )
        errors = [error for part in parts if (error := self._try(part)) is not None]
        if errors:
            raise errors[0]

    def _try(self, part: Callable[[], None]) -> Exception | None:
        try:
            with self._app.app_context():
                part()
        except Exception as error:  # noqa: BLE001  (raised once the other parts had their turn)
            log_failure(logger, "part of a round failed", error, part=part.__qualname__)
            return error
        return None

    def _deliver_now(self) -> None:
        work = WORKS.get("deliver_letters")
        if work is not None and not self._recurring.is_paused(work.name):
            self._scheduler.submit_order(Order(work, (), now(), Trigger.CLOCK))

    def _follow_laws(self) -> None:
        """Once a term, since only a new release brings other rules for a zone, and it begins a term."""
        if self._rounds_to_laws == 1 and (moved := laws.follow()):
            logger.info("instants moved with the rules of their zones", extra={"exchanges": moved})
        self._rounds_to_laws = max(0, self._rounds_to_laws - 1)

    def _take_requests(self) -> None:
        for request in requests.waiting():
            try:
                work, ids = resolve(request.job_id)
            except NotFound as unknown:
                requests.refuse(request.public_id, unknown.message)
                continue
            order = Order(work, ids, now(), request.trigger, request=request.public_id)
            if self._scheduler.submit_order(order):  # anew, where the last try found no database
                self._submitted.add(request.public_id)
            elif request.public_id not in self._submitted:
                requests.refuse(request.public_id, words("it was running already"))
