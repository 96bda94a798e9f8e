"""kill -9 again and again while reminders go out: none is lost, and what comes twice has one Message-ID."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, insert, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Letter, LetterState, Participant, ParticipantState, Reminder, ReminderState
from sneaky.reminders import planning
from tests import factories
from tests.faults.processes import (
    ONE_DRAW,
    Figure,
    Instance,
    assert_sound,
    on_both_in_full,
    rounds,
    wait_until,
)
from tests.postgres import free_port


class Postman:
    """Takes every letter and writes down to whom it went and which Message-ID it had."""

    def __init__(self) -> None:
        self.taken: dict[str, list[str]] = defaultdict(list)

    @property
    def number(self) -> int:
        """How many letters came, those that came twice counted twice."""
        return sum(map(len, list(self.taken.values())))

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        letter = message_from_bytes(envelope.content, policy=default)
        self.taken[envelope.rcpt_tos[0]].append(str(letter["Message-ID"]))
        return "250 OK"


@pytest.fixture
def postman() -> Iterator[tuple[Postman, str]]:
    """A mail server of the test's own, and its address as a setting."""
    handler = Postman()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), ready_timeout=20)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def an_exchange_of(people: int, *, due_in: timedelta) -> int:
    """A drawn exchange in UTC whose one reminder is due soon."""
    event_at = (now() + timedelta(days=1) + due_in).replace(microsecond=0)
    exchange_id = factories.an_exchange(
        event_local=event_at.replace(tzinfo=None), zone="UTC", state="matched", reminder_days=[1]
    )
    rows = [
        {
            "public_id": new_public_id(),
            "exchange_id": exchange_id,
            "name": f"Ann {number}",
            "email": f"ann{number}@example.org",
            "state": ParticipantState.ACTIVE,
            "created_at": now(),
        }
        for number in range(people)
    ]
    with transaction() as session:
        session.execute(insert(Participant), rows)
    planning.plan(exchange_id)
    return exchange_id


def letters() -> dict[LetterState, int]:
    db.session.remove()
    counted = db.session.execute(select(Letter.state, func.count()).group_by(Letter.state))
    return {row[0]: row[1] for row in counted}


@on_both_in_full
def test_reminders_survive_a_process_killed_again_and_again(
    instance: Instance, postman: tuple[Postman, str], record_property: Figure
) -> None:
    people, kills = rounds(60, 4000), rounds(2, 200)
    handler, mail_url = postman
    an_exchange_of(people, due_in=timedelta(seconds=2))
    for _ in range(kills):
        process = instance.start(mail_url=mail_url)
        after = handler.number + random.randint(1, people // kills)
        wait_until(lambda: handler.number >= after, "it sends")  # noqa: B023
        threading.Event().wait(random.uniform(0, 0.05))
        process.kill()
    instance.start(mail_url=mail_url)
    wait_until(lambda: letters() == {LetterState.SENT: people}, "every letter is sent", 300 + people / 20)

    assert set(handler.taken) == {f"ann{number}@example.org" for number in range(people)}
    twice = {to: ids for to, ids in handler.taken.items() if len(ids) > 1}
    duplicates = sum(len(ids) - 1 for ids in twice.values())
    assert duplicates <= kills * 2  # two senders at a time
    assert all(count == len(ids) for ids in twice.values() for count in Counter(ids).values())
    [reminder] = db.session.scalars(select(Reminder))
    assert (reminder.state, reminder.queued_count) == (ReminderState.SENT, people)
    assert_sound(but=ONE_DRAW)
    record_property("kills", kills)
    record_property("letters that came twice", duplicates)
