"""The leader's view of the workers: while any is there, runs that are due are left to them."""

from __future__ import annotations

from datetime import datetime

from sneaky.core.clock import monotonic
from sneaky.executions import workers

# A row that stood still for so many times the patience belongs to a process that will not come back.
_FORGOTTEN_AFTER = 6.0


class Presence:
    """Who is there, during one term.

    A worker whose beat stood still for `patience` seconds on our own monotonic clock is gone or frozen; the
    instant in its row is compared with no clock. One that is seen for the first time counts as there.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._seen: dict[str, tuple[datetime, float]] = {}

    def look(self) -> None:
        """Read the beats; take out rows that stood still for long."""
        seen: dict[str, tuple[datetime, float]] = {}
        for instance, seen_at in workers.last_seen().items():
            before, since = self._seen.get(instance, (None, 0.0))
            seen[instance] = (seen_at, since if before == seen_at else monotonic())
        long_gone = [one for one in seen if self._silence(seen[one]) > _FORGOTTEN_AFTER * self._patience]
        if long_gone:
            workers.sign_off(long_gone)
        self._seen = seen

    def is_anybody_there(self) -> bool:
        """Whether a worker has beaten lately."""
        return any(self._silence(beat) < self._patience for beat in self._seen.values())

    def is_gone(self, instance: str) -> bool:
        """Whether this was a worker, and has not beaten for so long that it is gone or frozen."""
        beat = self._seen.get(instance)
        return beat is not None and self._silence(beat) >= self._patience

    def _silence(self, beat: tuple[datetime, float]) -> float:
        return monotonic() - beat[1]
