"""Drains the outbox."""

from __future__ import annotations

from dataclasses import asdict

from sneaky.conversations import notices as conversation_notices
from sneaky.jobs.running import job
from sneaky.jobs.work import Run
from sneaky.letters import catalogue
from sneaky.outbox import delivery
from sneaky.wishlists import notices as wish_list_notices

_NOTICES_AT_ONCE = 200
_LETTERS_AT_ONCE = 200


@job()
def deliver_letters(run: Run) -> None:
    """Queue the collected notices of messages and wish lists, then send what waits in the outbox."""
    for tell in (wish_list_notices.tell_givers, conversation_notices.tell_unread):
        if told := run.step(lambda tell=tell: tell(_NOTICES_AT_ONCE)):  # type: ignore[misc]
            run.count("notices", told)
    while True:
        counts = delivery.deliver(
            render=catalogue.render,
            limit=_LETTERS_AT_ONCE,
            should_stop=run.should_stop,
            wait=run.pause,
            step=run.step,
        )
        done = {state: number for state, number in asdict(counts).items() if number}
        if not done:
            return
        for state, number in done.items():
            run.count(state, number)
        run.checkpoint()
