"""SMTP: against a real server that misbehaves on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.message import Rendered, compose
from sneaky.outbox.transports import smtp
from sneaky.outbox.transports.base import ServerAway
from sneaky.outbox.transports.smtp import SmtpTransport
from sneaky.outbox.transports.smtp_line import Security, Server
from tests.certificates import Authority, an_authority
from tests.mail_server import Fault, MailServer

PAPER = Rendered("Hello", "Grüße\n.\n..dots\n", "<p>Grüße</p>")


@pytest.fixture(params=[True, False], ids=["pipelining", "step by step"])
def server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    with MailServer(pipelines=request.param) as server:
        yield server


def transport(server: MailServer, security: Security = Security.NONE, **values: object) -> SmtpTransport:
    fields: dict[str, object] = {"hello": "klaus.example.org", "timeout": 5.0} | values
    return SmtpTransport(Server("localhost", server.port, security, **fields))  # type: ignore[arg-type]


def send(line: SmtpTransport, to_email: str = "ann@example.org", key: str = "k1") -> str | None:
    return line.send(compose(PAPER, to_email=to_email, key=key), idempotency_key=key)


def test_letter_arrives_as_it_was_written(bare_app: Flask, server: MailServer) -> None:
    with transport(server) as line:
        assert send(line) == "250 OK"
    (received,) = server.received
    assert received.to == "ann@example.org"
    assert not received.is_encrypted
    body = received.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == PAPER.text


def test_one_connection_carries_many_letters(bare_app: Flask, server: MailServer) -> None:
    with transport(server) as line:
        for number in range(5):
            send(line, f"ann{number}@example.org")
    assert server.connections == 1
    assert len(server.received) == 5


def test_connection_is_renewed_after_a_hundred_letters(
    bare_app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "LETTERS_PER_CONNECTION", 2)
    with transport(server) as line:
        for _ in range(5):
            send(line)
    assert [letter.connection for letter in server.received] == [1, 1, 2, 2, 3]


def test_nothing_is_opened_without_a_letter(bare_app: Flask, server: MailServer) -> None:
    with transport(server):
        pass
    assert server.connections == 0


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault.BUSY, MailTransient, "421 4.3.2 Too busy, good-bye"),
        (Fault.GREYLISTED, MailTransient, "450 4.2.0 Greylisted, try again"),
        (Fault.MAILBOX_FULL, MailTransient, "452 4.2.2 Mailbox full"),
        (Fault.UNKNOWN, MailPermanent, "550 5.1.1 User unknown"),
        (Fault.BLOCKED, MailPermanent, "550 5.7.1 Blocked, good-bye"),
        (Fault.LATER, MailTransient, "451 4.3.0 Try again later"),
        (Fault.SPAM, MailPermanent, "554 5.7.1 Looks like spam"),
        (Fault.DROP, MailTransient, "hung up"),
        (Fault.DROP_BEFORE_250, MailTransient, "connection broke"),
        (Fault.KEEP_AND_DROP, MailTransient, "connection broke"),
    ],
)
def test_fault_concerns_its_own_letter_only(
    bare_app: Flask, server: MailServer, fault: Fault, error: type[Exception], words: str
) -> None:
    server.always["bad@example.org"] = fault
    with transport(server) as line:
        send(line, "before@example.org")
        with pytest.raises(error, match=words) as caught:
            send(line, "bad@example.org")
        assert type(caught.value) is error
        send(line, "after@example.org")
    assert len(server.to("before@example.org")) == len(server.to("after@example.org")) == 1
    assert len(server.to("bad@example.org")) == (1 if fault is Fault.KEEP_AND_DROP else 0)


def test_goodbye_after_the_yes_changes_nothing(bare_app: Flask, server: MailServer) -> None:
    server.always["bad@example.org"] = Fault.DROP_AFTER_250
    with transport(server) as line:
        assert send(line, "bad@example.org") == "250 OK"
        send(line, "after@example.org")
    assert len(server.received) == 2
    assert server.connections == 2


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_BEFORE_250])
def test_silent_server_is_left_after_the_time_out(bare_app: Flask, server: MailServer, fault: Fault) -> None:
    server.always["bad@example.org"] = fault
    with transport(server, timeout=0.2) as line:
        with pytest.raises(MailTransient):
            send(line, "bad@example.org")
        send(line, "after@example.org")
    assert len(server.received) == 1


def test_connection_closed_while_idle_is_opened_anew(bare_app: Flask, server: MailServer) -> None:
    server.faults["ann@example.org"].extend([Fault.DROP])
    with transport(server) as line:
        send(line, "first@example.org")
        send(line, "ann@example.org")
    assert len(server.to("ann@example.org")) == 1
    assert server.connections == 2


def test_absent_server_is_nobodys_letters_fault(bare_app: Flask, server: MailServer) -> None:
    server.stop()
    with transport(server) as line, pytest.raises(ServerAway, match="No connection to localhost"):
        send(line)


@pytest.mark.parametrize(
    ("greeting", "error"),
    [("421 Come back later", ServerAway), ("554 No service for you", MailRefused)],
)
def test_refusal_at_the_door_is_about_us(
    bare_app: Flask, server: MailServer, greeting: str, error: type[Exception]
) -> None:
    server.greeting = greeting
    with transport(server) as line, pytest.raises(error, match=greeting):
        send(line)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("553 5.7.1 Sender rejected", MailRefused),
        ("451 4.3.0 Not now", MailTransient),
        ("552 5.3.4 Too big", MailPermanent),
    ],
)
def test_refused_sender_holds_every_letter(
    bare_app: Flask, server: MailServer, answer: str, error: type[Exception]
) -> None:
    server.sender_answer = answer
    with transport(server) as line, pytest.raises(error, match=answer):
        send(line)
    assert server.received == []


def test_starttls_encrypts_and_signs_in(bare_app: Flask, authority: Authority) -> None:
    tls = authority.server("localhost")
    with MailServer(tls=tls, login=("klaus", "s3cret")) as server:
        line = transport(
            server, Security.STARTTLS, ca_file=str(authority.file), username="klaus", password="s3cret"
        )
        with line:
            send(line)
        (received,) = server.received
    assert received.is_encrypted
    assert received.signed_in_as == "klaus"


def test_implicit_tls_encrypts_and_signs_in(bare_app: Flask, authority: Authority) -> None:
    tls = authority.server("localhost")
    with MailServer(tls=tls, is_implicit=True, login=("klaus", "s3cret")) as server:
        line = transport(
            server, Security.TLS, ca_file=str(authority.file), username="klaus", password="s3cret"
        )
        with line:
            send(line)
        assert [letter.signed_in_as for letter in server.received] == ["klaus"]


def test_password_may_hold_any_letter(bare_app: Flask, authority: Authority) -> None:
    with MailServer(tls=authority.server("localhost"), login=("klaus", "Schlüssel €")) as server:
        line = transport(
            server, Security.STARTTLS, ca_file=str(authority.file), username="klaus", password="Schlüssel €"
        )
        with line:
            send(line)
        assert [letter.signed_in_as for letter in server.received] == ["klaus"]


@pytest.mark.parametrize("password", ["wrong", "fälsch"])
def test_wrong_password_holds_every_letter(bare_app: Flask, authority: Authority, password: str) -> None:
    with MailServer(tls=authority.server("localhost"), login=("klaus", "s3cret")) as server:
        line = transport(
            server, Security.STARTTLS, ca_file=str(authority.file), username="klaus", password=password
        )
        with line, pytest.raises(MailRefused, match="535"):
            send(line)


def test_password_is_not_shown_by_accident(bare_app: Flask, server: MailServer) -> None:
    assert "s3cret" not in repr(transport(server, username="klaus", password="s3cret"))


@pytest.mark.parametrize("password", ["s3cret", "Schlüssel"])
def test_server_without_sign_in_is_told_no_password(
    bare_app: Flask, server: MailServer, password: str
) -> None:
    with transport(server, username="klaus", password=password) as line, pytest.raises(MailRefused):
        send(line)


def test_missing_encryption_sends_nothing_in_clear(bare_app: Flask, server: MailServer) -> None:
    with transport(server, Security.STARTTLS) as line, pytest.raises(ServerAway, match="does not encrypt"):
        send(line)
    assert server.tries == {}


def test_certificate_nobody_vouches_for_sends_nothing(
    bare_app: Flask, authority: Authority, tmp_path: Path
) -> None:
    stranger = an_authority(tmp_path)
    with MailServer(tls=authority.server("localhost")) as server:
        line = transport(server, Security.STARTTLS, ca_file=str(stranger.file))
        with line, pytest.raises(ServerAway, match="certificate"):
            send(line)
        assert server.received == []


def test_certificate_of_another_host_sends_nothing(bare_app: Flask, authority: Authority) -> None:
    with MailServer(tls=authority.server("elsewhere.test"), is_implicit=True) as server:
        line = transport(server, Security.TLS, ca_file=str(authority.file))
        with line, pytest.raises(ServerAway, match="certificate"):
            send(line)
        assert server.received == []


@pytest.mark.parametrize(("answer", "error"), [("451 Not now", MailTransient), ("554 No", MailPermanent)])
def test_letter_may_be_refused_before_it_is_told(
    bare_app: Flask, server: MailServer, answer: str, error: type[Exception]
) -> None:
    server.data_answer = answer
    with transport(server) as line, pytest.raises(error, match=answer):
        send(line)


@pytest.mark.parametrize("hangs_up", [False, True])
def test_letter_to_nobody_leaves_a_clean_line(bare_app: Flask, hangs_up: bool) -> None:
    with MailServer() as server, transport(server) as line:
        server.takes_letters_to_nobody = True
        server.hangs_up_after_letters_to_nobody = hangs_up
        server.always["gone@example.org"] = Fault.UNKNOWN
        with pytest.raises(MailPermanent, match="User unknown"):
            send(line, "gone@example.org")
        send(line, "ann@example.org")
        assert [letter.to for letter in server.received] == ["ann@example.org"]
        assert (server.tries["gone@example.org"], server.connections) == (1, 2 if hangs_up else 1)


def test_server_that_hangs_up_at_sign_in_is_away(bare_app: Flask, authority: Authority) -> None:
    with MailServer(tls=authority.server("localhost"), login=("klaus", "s3cret")) as server:
        server.hangs_up_at_sign_in = True
        line = transport(
            server, Security.STARTTLS, ca_file=str(authority.file), username="klaus", password="s3cret"
        )
        with line, pytest.raises(ServerAway, match="hung up while we signed in"):
            send(line)


def test_address_with_other_letters_needs_a_server_that_carries_it(
    bare_app: Flask, server: MailServer
) -> None:
    with transport(server) as line:
        send(line, "zoë@example.org")
    assert [letter.to for letter in server.received] == ["zoë@example.org"]
    with MailServer(carries_utf8=False) as old, transport(old) as line:
        with pytest.raises(MailPermanent, match="cannot carry"):
            send(line, "zoë@example.org")
        send(line, "ann@example.org")
        assert [letter.to for letter in old.received] == ["ann@example.org"]


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example.org", 25, Security.STARTTLS),
        ("smtp://mail.example.org?tls=none", 25, Security.NONE),
        ("smtp://klaus:pw@mail.example.org", 587, Security.STARTTLS),
        ("smtp://klaus:pw@127.0.0.1:2525", 2525, Security.STARTTLS),
        ("smtp://127.0.0.1:2525", 2525, Security.NONE),
        ("smtp://localhost:2525", 2525, Security.NONE),
        ("smtp://[::1]:2525", 2525, Security.NONE),
        ("smtp://localhost:2525?tls=starttls", 2525, Security.STARTTLS),
        ("smtps://klaus:pw@mail.example.org", 465, Security.TLS),
        ("smtps://mail.example.org?tls=none", 465, Security.TLS),
    ],
)
def test_mail_url_never_means_clear_text_by_accident(
    settings: Settings, url: str, port: int, security: Security
) -> None:
    server = smtp.from_settings(replace(settings, mail_url=url)).server
    assert (server.port, server.security) == (port, security)


def test_mail_url_holds_any_password(settings: Settings) -> None:
    url = "smtp://klaus%40example.org:p%2Fw%3A@mail.example.org?ca=/etc/ca.pem"
    server = smtp.from_settings(replace(settings, mail_url=url)).server
    assert (server.username, server.password, server.ca_file) == ("klaus@example.org", "p/w:", "/etc/ca.pem")


@pytest.mark.parametrize(
    ("base_url", "hello"),
    [
        ("https://klaus.example.org", "klaus.example.org"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
    ],
)
def test_we_say_hello_by_the_name_people_know(settings: Settings, base_url: str, hello: str) -> None:
    changed = replace(settings, mail_url="smtp://localhost", base_url=base_url)
    assert smtp.from_settings(changed).server.hello == hello
