"""The test letter: proves that letters from this instance arrive."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Letter, LetterKind, LetterState
from sneaky.outbox import queue
from sneaky.outbox.delivery import DeliveryCounts, Render, deliver


@dataclass(frozen=True)
class Outcome:
    """What became of a test letter; `words` are the mail server's, or say why letters wait."""

    state: LetterState
    words: str


def ask_for_test_letter(to_email: str, *, organizer_id: int) -> None:
    """Queue a letter that says that letters arrive, to an organizer's own address, ahead of all others."""
    with transaction():
        queue.put(LetterKind.TEST, to_email, organizer_id=organizer_id)


def send_test_letter(to_email: str, render: Render) -> Outcome:
    """Send a letter that says that letters arrive, now; what became of it at its first try.

    Letters that are as urgent and older go first. It stays queued where letters are held back or the mail
    server is away, and is `SENDING` where another process was quicker to take it.
    """
    its_key = f"test:{new_public_id()}"
    with transaction():
        queue.put(LetterKind.TEST, to_email, dedupe_key=its_key)
    while (outcome := _outcome(its_key)).state is LetterState.QUEUED:
        if deliver(render, limit=1) == DeliveryCounts():
            break
    return outcome


def _outcome(its_key: str) -> Outcome:
    row = db.session.execute(select(Letter.state, Letter.error).where(Letter.dedupe_key == its_key)).one()
    if row.state is not LetterState.QUEUED:
        return Outcome(row.state, row.error)
    pause = queue.pause_now()
    return Outcome(row.state, queue.held_reason() or (pause.reason if pause else ""))
