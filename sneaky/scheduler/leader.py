"""Who leads: one row, taken by compare-and-set, alike on both databases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, select, update

from sneaky.core.clock import monotonic, now
from sneaky.core.db import brief_transaction, db, rows_written
from sneaky.executions.claims import Fence
from sneaky.executions.rows import insert_new
from sneaky.models import Leader


class Leadership:
    """One process's view of the leader row: it waits, takes over, beats, and hands over.

    A holder whose beat stays the same for `take_over_after` seconds, on the monotonic clock of this very
    candidate, is gone or frozen. No clock of two processes is compared with another, and no lock is held that
    a frozen holder would keep.
    """

    def __init__(self, holder: str, *, take_over_after: float = 10.0) -> None:
        self.holder = holder
        self.term: int | None = None
        self._take_over_after = take_over_after
        self._seen: tuple[int, int] | None = None
        self._seen_since = 0.0
        self._beaten = 0.0

    @property
    def fence(self) -> Fence | None:
        """The term to claim under; None while another one leads."""
        return None if self.term is None else Fence(self.holder, self.term)

    def is_fresh(self) -> bool:
        """Whether our last beat is recent enough that nobody can have taken over since."""
        return self.term is not None and monotonic() - self._beaten < self._take_over_after

    def try_to_lead(self) -> bool:
        """Look once; lead where nobody does, or where the holder's beat has stood still for too long."""
        db.session.remove()
        row = db.session.execute(select(Leader.holder, Leader.term, Leader.beat)).one_or_none()
        if row is None:
            with brief_transaction():
                insert_new(Leader, id=1)
            return self._take(0, 0)
        if row.holder is not None and not self._has_stood_still((row.term, row.beat)):
            return False
        return self._take(row.term, row.beat)

    def beat(self, ticked_at: datetime | None) -> bool:
        """Say that we are alive, and when the scheduler's last good round ended; False: we lead no more."""
        began = monotonic()
        if self.term is None or not _changes(self._ours().values(beat=Leader.beat + 1, ticked_at=ticked_at)):
            self.term = None
            return False
        self._beaten = began
        return True

    def hand_over(self) -> None:
        """Leave the row without a holder, so that the next candidate to look leads."""
        leaving = self._ours().values(holder=None, beat=Leader.beat + 1)
        self.term, was_leading = None, self.term is not None
        if was_leading:
            _changes(leaving)

    def _has_stood_still(self, seen: tuple[int, int]) -> bool:
        if seen != self._seen:
            self._seen, self._seen_since = seen, monotonic()
        return monotonic() - self._seen_since >= self._take_over_after

    def _take(self, term: int, beat: int) -> bool:
        began = monotonic()
        takes = (
            update(Leader)
            .where(Leader.id == 1, Leader.term == term, Leader.beat == beat)
            .values(holder=self.holder, term=term + 1, beat=beat + 1, since=now(), ticked_at=None)
        )
        if not _changes(takes):
            return False
        self.term, self._beaten, self._seen = term + 1, began, None
        return True

    def _ours(self) -> Update:
        return update(Leader).where(Leader.id == 1, Leader.holder == self.holder, Leader.term == self.term)


def _changes(statement: Update) -> bool:
    with brief_transaction() as session:
        return rows_written(session, statement) == 1
