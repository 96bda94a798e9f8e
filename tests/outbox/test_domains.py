"""Letters to one domain: no minute sees more than it may get, whoever sends, and nobody else waits for it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask

from sneaky.core.clock import now
from sneaky.models import LetterKind, LetterState
from sneaky.outbox.delivery import deliver
from sneaky.outbox.leases import Lease, turn
from sneaky.outbox.transports.memory import MemoryTransport
from tests.outbox.conftest import Reconfigure
from tests.outbox.letters import a_letter, letters, plain, state


class Watched(MemoryTransport):
    """Writes down when each letter left, by the domain it went to; a letter takes two seconds."""

    def __init__(self, clock: time_machine.Coordinates) -> None:
        super().__init__()
        self.left_at: defaultdict[str, list[datetime]] = defaultdict(list)
        self._clock = clock

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        self._clock.shift(2)
        self.left_at[message["To"].addresses[0].domain].append(now())
        return None


@pytest.mark.parametrize("rate", [1, 5])
def test_no_minute_sees_more_letters_to_a_domain_than_it_may_get(
    any_app: Flask, reconfigure: Reconfigure, rate: int
) -> None:
    reconfigure(mail_domain_rate=rate)
    number = 3 * rate
    letters(number, "one.example")
    letters(number, "x.one.example")
    with time_machine.travel(now() + timedelta(days=1), tick=False) as clock:
        line = Watched(clock)
        for _ in range(40):
            deliver(plain, transport=line)
            clock.shift(10)
    for domain in ("one.example", "x.one.example"):
        left_at = line.left_at[domain]
        assert len(left_at) == number, domain
        for at in left_at:
            assert sum(at <= other < at + timedelta(minutes=1) for other in left_at) <= rate, domain
        assert left_at[-1] - left_at[0] <= timedelta(minutes=4), domain


def test_letters_of_a_clock_that_was_set_back_do_not_count(any_app: Flask, reconfigure: Reconfigure) -> None:
    reconfigure(mail_domain_rate=2)
    with time_machine.travel(now() + timedelta(days=1), tick=False) as clock:
        letters(2, "one.example")
        assert deliver(plain, transport=MemoryTransport()).sent == 2
        clock.shift(-timedelta(hours=3))
        letters(2, "one.example")
        assert deliver(plain, transport=MemoryTransport()).sent == 2


def test_a_letter_on_its_way_counts_too(any_app: Flask, reconfigure: Reconfigure) -> None:
    reconfigure(mail_domain_rate=2)
    letters(4, "one.example")
    other = a_letter("bob@other.example")
    leased = [turn(None, wants_next=True) for _ in range(4)]
    domains = [lease.domain for lease in leased if isinstance(lease, Lease)]
    assert sorted(domains) == ["one.example", "one.example", "other.example"]
    assert state(other) is LetterState.SENDING


def test_personal_links_do_not_wait_for_their_domain(app: Flask, reconfigure: Reconfigure) -> None:
    reconfigure(mail_domain_rate=1)
    letters(3, "one.example")
    assert deliver(plain, transport=MemoryTransport()).sent == 1
    asked = a_letter("zoe@one.example", LetterKind.MAGIC_LINK)
    assert deliver(plain, transport=MemoryTransport()).sent == 1
    assert state(asked) is LetterState.SENT
