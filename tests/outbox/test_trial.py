"""The test letter: goes to whoever asks for it, ahead of all others, and tells what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.errors import MailPermanent, MailTransient
from sneaky.models import LetterKind, LetterState
from sneaky.outbox import gate, leases, queue, trial
from sneaky.outbox.message import Rendered
from sneaky.outbox.transports.memory import MemoryTransport
from sneaky.outbox.trial import Outcome
from tests.factories import an_organizer
from tests.outbox.letters import a_letter, letters, plain, state


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> MemoryTransport:
    """What the settings would name."""
    line = MemoryTransport()
    monkeypatch.setattr("sneaky.outbox.delivery.from_settings", lambda _settings: line)
    return line


def test_test_letter_is_queued_for_the_one_who_asks(app: Flask) -> None:
    trial.ask_for_test_letter("olga@example.org", organizer_id=an_organizer())
    (row,) = queue.page(None, 1).letters
    assert (row.kind, row.to_email) == (LetterKind.TEST, "olga@example.org")
    assert queue.priority_of(row.kind) == queue.PERSONAL


def test_it_leaves_before_all_that_is_less_urgent(any_app: Flask, line: MemoryTransport) -> None:
    bulk, earlier = letters(3), a_letter("zoe@example.org", LetterKind.MAGIC_LINK)
    assert trial.send_test_letter("ann@example.org", plain).state is LetterState.SENT
    assert [message["To"] for message in line.sent] == ["zoe@example.org", "ann@example.org"]
    assert state(earlier) is LetterState.SENT
    assert {state(each) for each in bulk} == {LetterState.QUEUED}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (MailPermanent("550 User unknown"), Outcome(LetterState.DEAD, "550 User unknown")),
        (MailTransient("451 Later"), Outcome(LetterState.FAILED, "451 Later")),
    ],
)
def test_its_first_try_is_told(app: Flask, line: MemoryTransport, error: Exception, outcome: Outcome) -> None:
    line.failures["ann@example.org"] = error
    assert trial.send_test_letter("ann@example.org", plain) == outcome


def test_what_keeps_it_is_told(app: Flask, line: MemoryTransport) -> None:
    with transaction() as session:
        gate.pause(gate.lock(session), now(), timedelta(minutes=5), "No connection")
    assert trial.send_test_letter("ann@example.org", plain) == Outcome(LetterState.QUEUED, "No connection")
    queue.hold("moving house")
    assert trial.send_test_letter("ann@example.org", plain) == Outcome(LetterState.QUEUED, "moving house")
    assert line.sent == []


def test_another_process_may_be_quicker(app: Flask, line: MemoryTransport) -> None:
    a_letter("zoe@example.org", LetterKind.MAGIC_LINK)

    def while_another_takes_the_next(letter_id: int) -> Rendered:
        leases.turn(None, wants_next=True)
        return plain(letter_id)

    outcome = trial.send_test_letter("ann@example.org", while_another_takes_the_next)
    assert outcome == Outcome(LetterState.SENDING, "")
