"""The gate: who holds letters back, for how long, and how fast they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, set_nudge
from sneaky.core.errors import MailRefused
from sneaky.models import Instance, LetterKind, LetterState, Trouble, TroubleKind
from sneaky.outbox import gate, leases, queue
from sneaky.outbox.delivery import DeliveryCounts, deliver
from sneaky.outbox.transports.base import ServerAway
from sneaky.outbox.transports.memory import MemoryTransport
from tests.outbox.conftest import Reconfigure
from tests.outbox.letters import a_letter, letter, letters, plain, state

START = datetime(2026, 12, 1, 12, tzinfo=UTC)
REFUSAL = MailRefused("401 invalid_api_key")


def _open_troubles() -> list[Trouble]:
    db.session.rollback()
    return list(db.session.scalars(select(Trouble).where(Trouble.closed_at.is_(None))))


def test_held_letters_wait_until_somebody_resumes(any_app: Flask) -> None:
    woken: list[str] = []
    set_nudge(any_app.extensions, woken.append)
    queue.hold("restored from a backup")
    letter_id = a_letter(kind=LetterKind.MAGIC_LINK)
    assert queue.held_reason() == "restored from a backup"
    assert deliver(plain, transport=MemoryTransport()) == DeliveryCounts()
    woken.clear()
    queue.resume()
    assert woken == ["letters"]
    assert queue.held_reason() is None
    assert deliver(plain, transport=MemoryTransport()).sent == 1
    assert state(letter_id) is LetterState.SENT


def test_refusal_holds_the_queue_and_alerts_once(any_app: Flask) -> None:
    first, second = letters(2)
    refusing = MemoryTransport(failures={"ann0@example.org": REFUSAL, "ann1@example.org": REFUSAL})
    for _ in range(3):
        deliver(plain, transport=refusing)
    assert queue.held_reason() == "401 invalid_api_key"
    (trouble,) = _open_troubles()
    assert trouble.kind is TroubleKind.MAIL_REFUSED
    assert trouble.details["error"] == "401 invalid_api_key"
    assert (state(first), letter(first).attempts) == (LetterState.FAILED, 0)
    assert (state(second), letter(second).attempts) == (LetterState.QUEUED, 0)
    queue.resume()
    assert _open_troubles() == []
    assert deliver(plain, transport=MemoryTransport()).sent == 2


def test_new_mail_settings_end_a_refusal_by_themselves(app: Flask, reconfigure: Reconfigure) -> None:
    a_letter("ann@example.org")
    deliver(plain, transport=MemoryTransport(failures={"ann@example.org": REFUSAL}))
    assert deliver(plain, transport=MemoryTransport()).sent == 0
    reconfigure(mail_url="resend://another-key")
    assert deliver(plain, transport=MemoryTransport()).sent == 1
    assert queue.held_reason() is None
    assert _open_troubles() == []


def test_new_mail_settings_do_not_end_a_hold_that_somebody_ordered(
    app: Flask, reconfigure: Reconfigure
) -> None:
    a_letter()
    queue.hold("restored from a backup")
    reconfigure(mail_url="resend://another-key")
    assert deliver(plain, transport=MemoryTransport()).sent == 0


def test_hold_that_follows_a_refusal_stays_when_the_settings_change(
    app: Flask, reconfigure: Reconfigure
) -> None:
    a_letter("ann@example.org")
    deliver(plain, transport=MemoryTransport(failures={"ann@example.org": REFUSAL}))
    queue.hold("moving to another provider")
    assert _open_troubles() == []
    reconfigure(mail_url="resend://another-key")
    assert deliver(plain, transport=MemoryTransport()).sent == 0
    assert queue.held_reason() == "moving to another provider"
    queue.resume()
    assert deliver(plain, transport=MemoryTransport()).sent == 1


def test_refusal_of_a_letter_on_its_way_leaves_an_ordered_hold_as_it_is(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_letter("ann@example.org")
    refusing = MemoryTransport(failures={"ann@example.org": REFUSAL})

    def held_meanwhile(message: EmailMessage, *, idempotency_key: str) -> str | None:
        queue.hold("moving to another provider")
        return send(message, idempotency_key=idempotency_key)

    send = refusing.send
    monkeypatch.setattr(refusing, "send", held_meanwhile)
    deliver(plain, transport=refusing)
    assert queue.held_reason() == "moving to another provider"
    assert _open_troubles() == []


def test_mail_is_proven_by_a_letter_of_the_present_settings(app: Flask, reconfigure: Reconfigure) -> None:
    assert not queue.is_mail_proven()
    a_letter()
    assert not queue.is_mail_proven()
    deliver(plain, transport=MemoryTransport())
    assert queue.is_mail_proven()
    queue.hold("wait")
    assert not queue.is_mail_proven()
    queue.resume()
    reconfigure(mail_from="Klaus <klaus@elsewhere.example>")
    assert not queue.is_mail_proven()


def test_proof_is_renewed_now_and_then(app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        seen = []
        for minutes in (0, 5, 20):
            clock.move_to(START + timedelta(minutes=minutes))
            a_letter()
            deliver(plain, transport=MemoryTransport())
            db.session.rollback()
            row = db.session.get(Instance, 1, populate_existing=True)
            assert row is not None
            seen.append(row.mail_accepted_at)
    assert seen == [START, START, START + timedelta(minutes=20)]


def test_a_pause_that_the_clock_was_set_back_from_has_ended(app: Flask) -> None:
    away = MemoryTransport(failures={"ann@example.org": ServerAway("No connection")})
    with time_machine.travel(START, tick=False) as clock:
        a_letter("ann@example.org")
        deliver(plain, transport=away)
        clock.shift(-timedelta(hours=3))
        a_letter()
        assert queue.pause_now() is None
        assert leases.is_anything_to_send()
        assert deliver(plain, transport=MemoryTransport()).sent == 1


def test_absent_server_pauses_everything_for_half_a_minute(any_app: Flask) -> None:
    away = MemoryTransport(failures={"ann@example.org": ServerAway("No connection")})
    with time_machine.travel(START, tick=False) as clock:
        assert queue.pause_now() is None
        a_letter("ann@example.org")
        others = letters(3)
        assert deliver(plain, transport=away).failed == 1
        assert queue.pause_now() == gate.Pause(START + timedelta(seconds=30), "No connection")
        assert deliver(plain, transport=away) == DeliveryCounts()
        assert {state(number) for number in others} == {LetterState.QUEUED}
        clock.shift(30)
        assert queue.pause_now() is None
        assert deliver(plain, transport=MemoryTransport()).sent == 4


def test_absent_server_costs_no_letter_its_tries(app: Flask) -> None:
    away = MemoryTransport(failures={"ann@example.org": ServerAway("No connection")})
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter("ann@example.org")
        for _ in range(50):
            deliver(plain, transport=away)
            clock.shift(60)
        assert (state(letter_id), letter(letter_id).attempts) == (LetterState.FAILED, 0)


def test_provider_may_ask_for_a_longer_pause(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        a_letter("ann@example.org")
        quota = ServerAway("429 daily_quota_exceeded", retry_after=86_400)
        deliver(plain, transport=MemoryTransport(failures={"ann@example.org": quota}))
        pause = queue.pause_now()
    assert pause is not None
    assert pause.until == START + timedelta(hours=1)


def test_resuming_ends_a_pause(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        a_letter("ann@example.org")
        away = ServerAway("No connection")
        deliver(plain, transport=MemoryTransport(failures={"ann@example.org": away}))
        queue.resume()
        assert queue.pause_now() is None
        queue.retry([1])
        assert deliver(plain, transport=MemoryTransport()).sent == 1


def test_clock_set_back_does_not_stop_letters(app: Flask) -> None:
    away = MemoryTransport(failures={"ann@example.org": ServerAway("No connection")})
    with time_machine.travel(START, tick=False) as clock:
        a_letter("ann@example.org")
        deliver(plain, transport=away)
        clock.move_to(START - timedelta(hours=2))
        a_letter("bob@example.org")
        assert deliver(plain, transport=MemoryTransport()).sent == 1


@pytest.mark.parametrize("rate", [1, 7, 30])
def test_no_minute_sees_more_letters_than_the_rate(app: Flask, reconfigure: Reconfigure, rate: int) -> None:
    reconfigure(mail_rate=rate)
    number = 2 * rate
    letters(number)
    left_at: list[datetime] = []

    class Watched(MemoryTransport):
        def send(self, *message: object, **more: object) -> str | None:
            left_at.append(now())
            return None

    with time_machine.travel(now(), tick=False) as clock:
        while len(left_at) < number:
            deliver(plain, transport=Watched(), wait=clock.shift)
            clock.shift(10)
    for at in left_at:
        assert sum(at <= other < at + timedelta(minutes=1) for other in left_at) <= rate
    assert left_at[-1] - left_at[0] <= timedelta(minutes=1.6 * number / rate)


def test_personal_letters_do_not_wait_for_the_rate(app: Flask, reconfigure: Reconfigure) -> None:
    reconfigure(mail_rate=1)
    line = MemoryTransport()
    with time_machine.travel(now(), tick=False):
        letters(3)
        assert deliver(plain, transport=line).sent == 1
        asked = a_letter("zoe@example.org", LetterKind.MAGIC_LINK)
        assert deliver(plain, transport=line).sent == 1
        assert state(asked) is LetterState.SENT
