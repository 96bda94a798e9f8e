"""Letters for tests of the outbox: queued without people, written without templates."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.models import Letter, LetterKind, LetterState
from sneaky.outbox import queue
from sneaky.outbox.message import Rendered


def a_letter(to_email: str = "ann@example.org", kind: LetterKind = LetterKind.MATCH) -> int:
    """A queued letter."""
    with transaction() as session:
        queue.put(kind, to_email)
        return session.scalars(select(Letter.id).order_by(Letter.id.desc())).first() or 0


def letters(number: int, domain: str = "example.org", kind: LetterKind = LetterKind.MATCH) -> list[int]:
    """So many queued letters to different addresses."""
    return [a_letter(f"ann{each}@{domain}", kind) for each in range(number)]


def plain(letter_id: int) -> Rendered:
    """A letter that says its number."""
    return Rendered(
        f"Letter {letter_id}", f"This is letter {letter_id}.\n", f"<p>This is letter {letter_id}.</p>"
    )


def letter(letter_id: int) -> Letter:
    """The row as it is now."""
    db.session.rollback()
    row = db.session.get(Letter, letter_id, populate_existing=True)
    assert row is not None
    return row


def state(letter_id: int) -> LetterState:
    """The state as it is now."""
    return letter(letter_id).state


def next_try(letter_id: int) -> datetime:
    """When it is tried again."""
    return letter(letter_id).next_try_at
