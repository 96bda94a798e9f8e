"""The test letter: goes to whoever asks for it, ahead of all others."""

from __future__ import annotations

from flask import Flask

from sneaky.models import LetterKind
from sneaky.outbox import queue, trial
from tests.factories import an_organizer


def test_test_letter_is_queued_for_the_one_who_asks(app: Flask) -> None:
    trial.ask_for_test_letter("olga@example.org", organizer_id=an_organizer())
    (row,) = queue.page(None, 1).letters
    assert (row.kind, row.to_email) == (LetterKind.TEST, "olga@example.org")
    assert queue.priority_of(row.kind) == queue.PERSONAL
