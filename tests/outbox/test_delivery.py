"""Delivery: what becomes of each letter, whatever happens to the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import monotonic
from sneaky.core.db import db, transaction
from sneaky.core.errors import MailPermanent, MailTransient
from sneaky.core.settings import settings
from sneaky.models import Letter, LetterKind, LetterState
from sneaky.outbox import delivery, queue
from sneaky.outbox.delivery import DeliveryCounts, deliver
from sneaky.outbox.leases import LEASE, MOST_TRIES
from sneaky.outbox.message import LetterObsolete, Rendered
from sneaky.outbox.transports import from_settings
from sneaky.outbox.transports.base import ServerAway
from sneaky.outbox.transports.console import ConsoleTransport
from sneaky.outbox.transports.file import FileTransport
from sneaky.outbox.transports.memory import MemoryTransport
from sneaky.outbox.transports.resend import ResendTransport
from sneaky.outbox.transports.smtp import SmtpTransport
from sneaky.outbox.transports.smtp_line import Security, Server
from tests.mail_server import Fault, MailServer
from tests.outbox.conftest import Reconfigure
from tests.outbox.letters import a_letter, letter, letters, plain, state

START = datetime(2026, 12, 1, 12, tzinfo=UTC)


class _Killed(BaseException):
    """Stands for the end of the process: nothing of ours may catch it."""


def test_every_address_gets_its_own_verdict(any_app: Flask) -> None:
    good, full, gone, also_good = (
        a_letter(f"{name}@example.org") for name in ("good", "full", "gone", "also.good")
    )
    line = MemoryTransport(
        failures={
            "full@example.org": MailTransient("452 full"),
            "gone@example.org": MailPermanent("550 5.1.1 gone"),
        }
    )
    assert deliver(plain, transport=line) == DeliveryCounts(sent=2, failed=1, dead=1)
    assert [(state(each), letter(each).error) for each in (good, full, gone, also_good)] == [
        (LetterState.SENT, "kept"),
        (LetterState.FAILED, "452 full"),
        (LetterState.DEAD, "550 5.1.1 gone"),
        (LetterState.SENT, "kept"),
    ]


def test_letter_without_use_is_discarded_with_its_reason(app: Flask) -> None:
    letter_id = a_letter()

    def render(_letter_id: int) -> Rendered:
        raise LetterObsolete("The exchange was cancelled.")

    line = MemoryTransport()
    assert deliver(render, transport=line) == DeliveryCounts(discarded=1)
    assert letter(letter_id).error == "The exchange was cancelled."
    assert line.sent == []


def test_letter_that_cannot_be_written_stops_nobody(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    poison, fine = letters(2)

    def render(letter_id: int) -> Rendered:
        if letter_id == poison:
            raise KeyError("recipient")
        return plain(letter_id)

    with time_machine.travel(START, tick=False) as clock:
        clock.shift(timedelta(days=1))
        for _ in range(MOST_TRIES):
            deliver(render, transport=MemoryTransport())
            clock.shift(timedelta(days=1))
    assert (state(poison), state(fine)) == (LetterState.DEAD, LetterState.SENT)
    assert letter(poison).error == "We could not write this letter (KeyError)."
    assert "Traceback" in caplog.text


def test_run_ends_at_its_limit(app: Flask) -> None:
    letters(5)
    assert deliver(plain, transport=MemoryTransport(), limit=2).sent == 2
    assert queue.counts().queued == 3


def test_run_ends_between_letters_when_asked(app: Flask) -> None:
    letters(5)
    line = MemoryTransport()
    assert deliver(plain, transport=line, should_stop=lambda: len(line.sent) == 2).sent == 2
    counts = queue.counts()
    assert (counts.sent, counts.queued, counts.sending) == (2, 3, 0)


def test_personal_letter_overtakes_a_batch_that_is_on_its_way(app: Flask) -> None:
    letters(5)

    class Interrupting(MemoryTransport):
        def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
            if not self.sent:
                a_letter("zoe@example.org", LetterKind.MAGIC_LINK)
            return super().send(message, idempotency_key=idempotency_key)

    line = Interrupting()
    deliver(plain, transport=line)
    assert [str(message["To"]) for message in line.sent][:2] == ["ann0@example.org", "zoe@example.org"]


def test_no_transaction_is_open_while_a_letter_is_sent(any_app: Flask) -> None:
    a_letter()

    class Watching(MemoryTransport):
        def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
            assert not db.session().in_transaction()
            return super().send(message, idempotency_key=idempotency_key)

    def reading(letter_id: int) -> Rendered:
        db.session.scalars(select(Letter.id)).all()
        return plain(letter_id)

    assert deliver(reading, transport=Watching()).sent == 1


@pytest.mark.parametrize("moment", ["render", "before sending", "after sending"])
def test_death_of_the_process_loses_no_letter(any_app: Flask, moment: str) -> None:
    letters(3)
    line = MemoryTransport()

    def render(letter_id: int) -> Rendered:
        if moment == "render":
            raise _Killed
        return plain(letter_id)

    class Dying(MemoryTransport):
        def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
            if moment == "after sending":
                line.send(message, idempotency_key=idempotency_key)
            raise _Killed

    with time_machine.travel(START, tick=False) as clock:
        clock.shift(timedelta(days=1))
        with pytest.raises(_Killed):
            deliver(render, transport=Dying())
        deliver(plain, transport=line)
        assert queue.counts().sending == 1
        clock.shift(LEASE)
        deliver(plain, transport=line)
    assert queue.counts().sent == 3
    ids = [message["Message-ID"] for message in line.sent]
    assert len(set(ids)) == 3
    assert len(ids) == (4 if moment == "after sending" else 3)
    assert len(set(line.keys)) == 3


@pytest.mark.parametrize(("retry_after", "sent"), [(2.0, 2), (60.0, 0)])
def test_short_wait_is_waited_out_and_a_long_one_ends_the_run(
    app: Flask, retry_after: float, sent: int
) -> None:
    line = MemoryTransport(failures={"slow@example.org": ServerAway("429", retry_after=retry_after)})
    waits: list[float] = []
    with time_machine.travel(START, tick=False) as clock:
        a_letter("slow@example.org")
        a_letter("ann@example.org")

        def wait(seconds: float) -> None:
            waits.append(seconds)
            line.failures.clear()
            clock.shift(seconds)

        assert deliver(plain, transport=line, wait=wait).sent == sent
    assert waits == ([retry_after] if sent else [])


def test_domain_that_keeps_everybody_waiting_is_put_aside(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = monotonic()
    monkeypatch.setattr(delivery, "monotonic", lambda: seconds)
    slow = letters(4, "tarpit.example")
    quick = letters(2, "example.org")

    class Tarpit(MemoryTransport):
        def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
            nonlocal seconds
            if str(message["To"]).endswith("@tarpit.example"):
                seconds += 15.0
                raise MailTransient("timed out")
            return super().send(message, idempotency_key=idempotency_key)

    assert deliver(plain, transport=Tarpit()) == DeliveryCounts(sent=2, failed=2)
    assert {state(each) for each in quick} == {LetterState.SENT}
    assert [letter(each).attempts for each in slow] == [1, 1, 0, 0]


def test_settings_choose_the_transport(app: Flask, reconfigure: Reconfigure) -> None:
    kinds = {
        "smtp://localhost": SmtpTransport,
        "smtps://mail.example.org": SmtpTransport,
        "resend://re_Key": ResendTransport,
        "console:": ConsoleTransport,
        "file:letters": FileTransport,
    }
    for url, kind in kinds.items():
        assert isinstance(from_settings(reconfigure(mail_url=url)), kind)


def test_delivery_goes_where_the_settings_say(app: Flask) -> None:
    a_letter()
    assert deliver(plain).sent == 1
    assert len(list((settings().data_dir / "letters").glob("*.eml"))) == 1


def test_one_bad_address_keeps_nobody_waiting(app: Flask) -> None:
    bad, *_good = letters(40)
    with MailServer() as server:
        server.always["ann0@example.org"] = Fault.UNKNOWN
        line = SmtpTransport(Server("localhost", server.port, Security.NONE, "klaus.test"))
        assert deliver(plain, transport=line) == DeliveryCounts(sent=39, dead=1)
        assert server.connections == 1
    assert letter(bad).error == "550 5.1.1 User unknown"


def test_faults_of_a_real_server_end_in_exact_verdicts(app: Flask) -> None:
    faults = [
        Fault.BUSY,
        Fault.GREYLISTED,
        Fault.MAILBOX_FULL,
        Fault.DROP,
        Fault.LATER,
        Fault.DROP_BEFORE_250,
        Fault.DROP_AFTER_250,
        Fault.UNKNOWN,
        Fault.SPAM,
    ]
    for_good = {Fault.UNKNOWN, Fault.SPAM}
    by_fault = {fault: a_letter(f"{fault.name.lower()}@example.org") for fault in faults for _ in range(3)}
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, MailServer() as server:  # noqa: TID251
        for fault in faults:
            server.faults[f"{fault.name.lower()}@example.org"].extend([fault] * 3)
        line = SmtpTransport(Server("localhost", server.port, Security.NONE, "klaus.test"))
        for _ in range(4):
            deliver(plain, transport=line)
            clock.shift(timedelta(minutes=15))
        for fault, letter_id in by_fault.items():
            expected = LetterState.DEAD if fault in for_good else LetterState.SENT
            assert state(letter_id) is expected, fault
        assert len({received.message["Message-ID"] for received in server.received}) == len(server.received)
    assert queue.counts().dead == 6
    assert queue.counts().sent == 21


def test_server_that_was_down_for_an_hour_gets_everything_once(app: Flask) -> None:
    number = 20
    letters(number)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, MailServer() as server:  # noqa: TID251
        port = server.port
        server.stop()
        line = SmtpTransport(Server("localhost", port, Security.NONE, "klaus.test"))
        for _ in range(60):
            deliver(plain, transport=line)
            clock.shift(timedelta(minutes=1))
        assert queue.counts().sent == 0
        with MailServer() as back:
            line = SmtpTransport(Server("localhost", back.port, Security.NONE, "klaus.test"))
            assert deliver(plain, transport=line).sent == number
            assert len({received.to for received in back.received}) == len(back.received) == number


def test_letters_may_be_put_while_one_is_on_its_way(any_app: Flask) -> None:
    a_letter()

    class Busy(MemoryTransport):
        def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
            with transaction():
                queue.put(LetterKind.TEST, "bob@example.org", dedupe_key="while sending")
            return super().send(message, idempotency_key=idempotency_key)

    assert deliver(plain, transport=Busy()).sent == 2
