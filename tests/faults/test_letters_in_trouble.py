"""A mail server that misbehaves in every way we know: each address has its verdict, and waits for nobody."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from sneaky.core.clock import monotonic
from sneaky.models import LetterState
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.transports.smtp import SmtpTransport
from sneaky.outbox.transports.smtp_line import Security, Server
from tests.certificates import Authority, an_authority
from tests.faults.processes import Figure, on_both_in_full, rounds
from tests.mail_server import Fault, MailServer
from tests.outbox.letters import a_letter, letter, letters, plain, state


@dataclass(frozen=True)
class Verdict:
    """What becomes of a letter whose first try meets a fault: its state, its tries, how often it arrives."""

    state: LetterState
    attempts: int
    arrivals: int


SENT_AT_ONCE = Verdict(LetterState.SENT, 1, 1)
SENT_AT_THE_SECOND_TRY = Verdict(LetterState.SENT, 2, 1)
REFUSED = Verdict(LetterState.DEAD, 1, 0)
VERDICTS = {
    Fault.BUSY: SENT_AT_THE_SECOND_TRY,
    Fault.GREYLISTED: SENT_AT_THE_SECOND_TRY,
    Fault.MAILBOX_FULL: SENT_AT_THE_SECOND_TRY,
    Fault.LATER: SENT_AT_THE_SECOND_TRY,
    Fault.DROP_BEFORE_250: SENT_AT_THE_SECOND_TRY,
    Fault.DROP_AFTER_250: SENT_AT_ONCE,
    Fault.KEEP_AND_DROP: Verdict(LetterState.SENT, 2, 2),  # taken, but we were never told
    Fault.BLOCKED: REFUSED,
    Fault.UNKNOWN: REFUSED,
    Fault.SPAM: REFUSED,
}
# A line that was open already is opened anew at once; the letter goes at the first try or at the second.
BREAKS_THE_LINE = {Fault.DROP}
TARPITS = {Fault.HANG, Fault.HANG_BEFORE_250}
PATIENT, IMPATIENT = 60.0, 2.0
BAD = "ann0@example.org"


def line_to(
    port: int, security: Security = Security.NONE, *, ca_file: Path | None = None, timeout: float = PATIENT
) -> SmtpTransport:
    ca = str(ca_file) if ca_file else None
    return SmtpTransport(Server("localhost", port, security, "klaus.test", ca_file=ca, timeout=timeout))


def test_every_fault_is_known() -> None:
    assert VERDICTS.keys() | BREAKS_THE_LINE | TARPITS == set(Fault)
    assert len(Fault) >= 12


@on_both_in_full
def test_each_address_gets_its_exact_verdict(any_app: Flask) -> None:
    number = rounds(3, 50)
    meetings = [(fault, each) for fault in (*VERDICTS, *BREAKS_THE_LINE, None) for each in range(number)]
    random.shuffle(meetings)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, MailServer() as server:  # noqa: TID251
        ids = {}
        for fault, each in meetings:
            address = f"{fault.name.lower() if fault else 'good'}{each}@example.org"
            if fault:
                server.faults[address].append(fault)
            ids[fault, each] = (a_letter(address), address)
        while queue.counts().queued + queue.counts().failed:
            deliver(plain, transport=line_to(server.port), limit=10_000)
            clock.shift(timedelta(minutes=3))
        for (fault, _each), (letter_id, address) in ids.items():
            row, taken = letter(letter_id), server.to(address)
            verdict = Verdict(row.state, row.attempts, len(taken))
            if fault in BREAKS_THE_LINE:
                assert verdict in (SENT_AT_ONCE, SENT_AT_THE_SECOND_TRY), address
            else:
                assert verdict == (VERDICTS[fault] if fault else SENT_AT_ONCE), address
            assert len({str(one.message["Message-ID"]) for one in taken}) == min(1, verdict.arrivals)


def test_a_tarpit_loses_nothing_and_ends(app: Flask) -> None:
    number = rounds(1, 50)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, MailServer() as server:  # noqa: TID251
        slow = {f"{fault.name.lower()}{n}@tarpit.example": fault for fault in TARPITS for n in range(number)}
        for address, fault in slow.items():
            server.faults[address].append(fault)
        ids = [a_letter(address) for address in slow]
        ids += letters(number)
        while queue.counts().queued + queue.counts().failed:
            deliver(plain, transport=line_to(server.port, timeout=IMPATIENT), limit=10_000)
            clock.shift(timedelta(minutes=3))
        assert {state(each) for each in ids} == {LetterState.SENT}
        for address in slow:
            assert len({str(one.message["Message-ID"]) for one in server.to(address)}) == 1


@pytest.mark.parametrize(
    "fault",
    [fault for fault in Fault if fault is not Fault.DROP_AFTER_250]
    if rounds(0, 1)
    else [Fault.UNKNOWN, Fault.BUSY, Fault.DROP, Fault.HANG],
)
def test_one_bad_address_delays_nobody(app: Flask, fault: Fault, record_property: Figure) -> None:
    number = rounds(20, 500)

    def send_all(faults: dict[str, Fault]) -> float:
        """Seconds until one run has sent the letters; nobody may have to wait for another, or for a pause."""
        bad, *good = letters(number)
        with MailServer() as server:
            server.always |= faults
            began = monotonic()
            deliver(plain, transport=line_to(server.port, timeout=IMPATIENT), limit=10_000, wait=_never)
            seconds = monotonic() - began
            assert {state(each) for each in good} == {LetterState.SENT}
            arrived = Counter(received.to for received in server.received if received.to != BAD)
            assert arrived == Counter(f"ann{each}@example.org" for each in range(1, number))
        assert state(bad) in ({LetterState.DEAD, LetterState.FAILED} if faults else {LetterState.SENT})
        return seconds

    usual = send_all({})
    delay = send_all({BAD: fault}) - usual
    record_property("seconds for all of them", round(usual, 2))
    record_property("seconds that one of them cost the others", round(delay, 2))
    assert delay < 30


def _never(seconds: float) -> None:
    raise AssertionError(f"somebody waited {seconds} s")


@on_both_in_full
def test_a_server_down_for_an_hour_gets_everything_once(any_app: Flask) -> None:
    number = rounds(20, 500)
    ids = letters(number)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        with MailServer() as server:
            deliver(plain, transport=line_to(server.port), limit=number // 4)
        for _ in range(60):
            deliver(plain, transport=line_to(server.port))
            clock.shift(timedelta(minutes=1))
        assert queue.counts().sent == number // 4
        back = MailServer()
        back.port = server.port
        with back:
            deliver(plain, transport=line_to(back.port), limit=10_000)
    arrived = Counter(received.to for received in [*server.received, *back.received])
    assert arrived == Counter(f"ann{each}@example.org" for each in range(number))
    assert {(state(each), letter(each).attempts) for each in ids} == {(LetterState.SENT, 1)}


class Stripper:
    """Sits where the mail server should be, hides or breaks STARTTLS, and writes down all that it is told."""

    def __init__(self, offer: str, answer: bytes) -> None:
        self.heard = b""
        self._offer, self._answer = offer.encode(), answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Stripper:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"END\r\n")
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _address = self._socket.accept()
            with connection:
                connection.settimeout(PATIENT)
                if self._talk(connection):
                    return

    def _talk(self, connection: socket.socket) -> bool:
        """Answer one client; whether it was the one who ends this."""
        connection.sendall(b"220 mail.test ESMTP\r\n")
        try:
            while said := connection.recv(4096):
                if said == b"END\r\n":
                    return True
                self.heard += said
                if said.upper().startswith(b"EHLO"):
                    connection.sendall(b"250-mail.test\r\n" + self._offer + b"250 AUTH PLAIN LOGIN\r\n")
                elif said.upper().startswith(b"STARTTLS"):
                    connection.sendall(self._answer)
                else:
                    connection.sendall(b"250 OK\r\n")
        except OSError:
            pass
        return False


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("", b"500 What?\r\n"),
        ("250-XXXXXXXA\r\n", b"500 What?\r\n"),
        ("250-STARTTLS\r\n", b"454 TLS not available\r\n"),
        ("250-STARTTLS\r\n", b"501 No\r\n"),
        ("250-STARTTLS\r\n", b"220 Go ahead\r\n250 in clear text, please\r\n"),
    ],
    ids=["stripped", "masked", "not now", "refused", "broken"],
)
def test_where_encryption_is_needed_nothing_is_said_in_clear(app: Flask, offer: str, answer: bytes) -> None:
    number = rounds(3, 50)
    letters(number)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        with Stripper(offer, answer) as stripper:
            server = Server(
                "localhost",
                stripper.port,
                Security.STARTTLS,
                "klaus.test",
                username="klaus",
                password="s3cret",
                timeout=PATIENT,
            )
            for _ in range(number):
                deliver(plain, transport=SmtpTransport(server))
                clock.shift(timedelta(minutes=1))
        readable = {line.split()[0].upper() for line in _commands(stripper.heard)}
        assert readable <= {b"EHLO", b"HELO", b"STARTTLS", b"QUIT"}
        for secret in (b"s3cret", b"ann0", b"example.org", b"Letter"):
            assert secret not in stripper.heard
        counts = queue.counts()
        assert (counts.sent, counts.dead, counts.queued + counts.failed) == (0, 0, number)


def _commands(heard: bytes) -> list[bytes]:
    """What was said in words; a handshake begins with a byte that no command has."""
    return [line for line in heard.partition(b"\x16")[0].split(b"\r\n") if line]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return an_authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("trouble", ["another host", "another authority"])
@pytest.mark.parametrize("is_implicit", [False, True], ids=["STARTTLS", "TLS"])
def test_a_bad_certificate_gets_no_letter_and_costs_none(
    app: Flask, authority: Authority, tmp_path: Path, trouble: str, is_implicit: bool
) -> None:
    number = rounds(3, 50)
    ids = letters(number)
    security = Security.TLS if is_implicit else Security.STARTTLS
    stranger = an_authority(tmp_path)
    bad = authority.server("elsewhere.test") if trouble == "another host" else stranger.server("localhost")
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:  # noqa: TID251
        with MailServer(tls=bad, is_implicit=is_implicit) as server:
            for _ in range(5):
                deliver(plain, transport=line_to(server.port, security, ca_file=authority.file))
                clock.shift(timedelta(minutes=1))
            assert (server.received, dict(server.tries)) == ([], {})
        with MailServer(tls=authority.server("localhost"), is_implicit=is_implicit) as good:
            deliver(plain, transport=line_to(good.port, security, ca_file=authority.file), limit=10_000)
            assert [received.is_encrypted for received in good.received] == [True] * number
    assert {state(each) for each in ids} == {LetterState.SENT}
