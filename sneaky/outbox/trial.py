"""The test letter: proves that letters from this instance arrive."""

from __future__ import annotations

from sneaky.core.db import transaction
from sneaky.models import LetterKind
from sneaky.outbox import queue


def ask_for_test_letter(to_email: str, *, organizer_id: int) -> None:
    """Queue a letter that says that letters arrive, to an organizer's own address, ahead of all others."""
    with transaction():
        queue.put(LetterKind.TEST, to_email, organizer_id=organizer_id)
