"""Letters with a personal link in them, and the pretence of one where there is nobody to write to."""

from __future__ import annotations

from datetime import timedelta

from sneaky.core.clock import now
from sneaky.core.db import open_session, pretence
from sneaky.models import LetterKind, TokenPurpose
from sneaky.outbox import links, queue


def send(
    kind: LetterKind,
    purpose: TokenPurpose,
    email: str,
    *,
    lifetime: timedelta,
    delay: timedelta = timedelta(),
    organizer_id: int | None = None,
    exchange_id: int | None = None,
    participant_id: int | None = None,
    browser: str | None = None,
    is_pretence: bool = False,
) -> None:
    """Mint a link and queue its letter, in the open transaction.

    With a `delay` the letter leaves later, and its link lives on from then. A pretence does the same work and
    takes it back: an unknown address answers as slowly as a known one.
    """
    with pretence() if is_pretence else open_session().begin_nested():
        minted = links.mint(
            purpose,
            lifetime=delay + lifetime,
            organizer_id=organizer_id,
            exchange_id=exchange_id,
            participant_id=participant_id,
            email=email,
            browser=browser,
        )
        queue.put(
            kind,
            email,
            organizer_id=organizer_id,
            exchange_id=exchange_id,
            participant_id=participant_id,
            token_id=minted.token_id,
            not_before=now() + delay,
        )
