"""Delivery: takes letters one by one from the queue to the transport, over one connection."""

from __future__ import annotations

import functools
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar

from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import settings
from sneaky.models import LetterState
from sneaky.outbox import leases
from sneaky.outbox.leases import Lease, Settlement, Wait
from sneaky.outbox.message import LetterObsolete, Rendered, compose, letter_key
from sneaky.outbox.transports import from_settings
from sneaky.outbox.transports.base import ServerAway, TakenBefore, Transport

logger = logging.getLogger(__name__)

Render = Callable[[int], Rendered]

# A wait up to this long is waited out with the connection open; a longer one ends the run.
PATIENCE = timedelta(seconds=5)
# So much waiting for a domain's failures in one run, and its other letters are put aside for a while.
SLOW_DOMAIN = timedelta(seconds=20)
_AWAY = timedelta(seconds=30)


Result = TypeVar("Result")


class Step(Protocol):
    """How one short piece of work on the database is done: at once, or again and again while it is away."""

    def __call__(self, action: Callable[[], Result], /) -> Result:
        """Do `action`."""


def _at_once(action: Callable[[], Result], /) -> Result:
    return action()


@dataclass(frozen=True)
class DeliveryCounts:
    """What one run did: letters accepted, to be tried again, given up, and no longer of use."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    discarded: int = 0


def deliver(
    render: Render,
    *,
    transport: Transport | None = None,
    limit: int = 200,
    should_stop: Callable[[], bool] = lambda: False,
    wait: Callable[[float], None] = time.sleep,
    step: Step = _at_once,
) -> DeliveryCounts:
    """Send what is due, at most `limit` letters, each settled by a commit of its own.

    `render` writes a letter from its id; it may raise `LetterObsolete`. `should_stop` is asked between
    letters. Delivery is at least once: a letter goes twice only if this process dies between the server's
    yes and the commit, or the database is away for longer than `step` bears, and then with the same
    Message-ID and idempotency key.
    """
    step(leases.take_over)
    with transport or from_settings(settings()) as line:
        run = _Run(render, line)
        settlement: Settlement | None = None
        while True:
            wants_next = sum(run.counts.values()) < limit and not should_stop()
            turn = step(functools.partial(leases.turn, settlement, wants_next=wants_next))
            settlement = None
            if isinstance(turn, Lease):
                settlement = run.send(turn)
            elif isinstance(turn, Wait) and turn.seconds <= PATIENCE.total_seconds():
                wait(turn.seconds)
            else:
                break
    return DeliveryCounts(
        sent=run.counts[LetterState.SENT],
        failed=run.counts[LetterState.FAILED],
        dead=run.counts[LetterState.DEAD],
        discarded=run.counts[LetterState.DISCARDED],
    )


@dataclass
class _Run:
    """One run: the open line, what it did so far, and how long each domain has kept it waiting in vain."""

    render: Render
    line: Transport
    counts: Counter[LetterState] = field(default_factory=Counter)
    lost: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def send(self, lease: Lease) -> Settlement:
        """Write and send one letter; whatever happens comes back as its settlement."""
        began = monotonic()
        try:
            settlement = self._try(lease)
        except MailTransient as error:
            settlement = self._failed(lease, error, monotonic() - began)
        except MailPermanent as error:
            # Other words than at a try that counted, so one whose answer was lost: a reminder counts its days
            # anew. After a refusal, which does not count, nothing can have been taken.
            was_taken = isinstance(error, TakenBefore) and lease.attempt > 1
            settlement = Settlement(lease, LetterState.SENT if was_taken else LetterState.DEAD, error.message)
        except MailRefused as error:
            settlement = Settlement(
                lease, LetterState.FAILED, error.message, is_counted=False, is_refused=True
            )
        except LetterObsolete as error:
            settlement = Settlement(lease, LetterState.DISCARDED, error.message)
        except Exception as error:
            logger.exception("letter could not be written", extra={"letter": lease.letter_id})
            settlement = Settlement(
                lease, LetterState.FAILED, f"We could not write this letter ({type(error).__name__})."
            )
        return self._noted(settlement)

    def _try(self, lease: Lease) -> Settlement:
        try:
            rendered = self.render(lease.letter_id)
        finally:
            db.session.remove()  # no transaction stays open while we talk to a server
        key = letter_key(lease.letter_id, lease.to_email, lease.created_at.isoformat())
        message = compose(rendered, to_email=lease.to_email, key=key)
        words = self.line.send(message, idempotency_key=f"{lease.letter_id}-{key}")
        return Settlement(lease, LetterState.SENT, words or "")

    def _failed(self, lease: Lease, error: MailTransient, seconds: float) -> Settlement:
        retry_after = timedelta(seconds=error.retry_after or 0)
        if isinstance(error, ServerAway):
            away = retry_after or _AWAY
            return Settlement(
                lease, LetterState.FAILED, error.message, is_counted=False, retry_after=away, pause=away
            )
        self.lost[lease.domain] += seconds
        return Settlement(
            lease,
            LetterState.FAILED,
            error.message,
            retry_after=retry_after,
            puts_aside=self.lost[lease.domain] > SLOW_DOMAIN.total_seconds(),
        )

    def _noted(self, settlement: Settlement) -> Settlement:
        lease, state = settlement.lease, settlement.state
        if state is LetterState.FAILED and settlement.is_counted and lease.attempt >= leases.MOST_TRIES:
            state = LetterState.DEAD
        self.counts[state] += 1
        if state is not LetterState.SENT:
            logger.warning(
                "letter %s", state.value, extra={"letter": lease.letter_id, "why": settlement.error}
            )
        return settlement
