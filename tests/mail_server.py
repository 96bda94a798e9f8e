"""A real SMTP server for tests that can be told to misbehave, address by address."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Fault(Enum):
    """What the server does to one try for one address: when, what it answers, and what it does then."""

    BUSY = ("RCPT", "421 4.3.2 Too busy, good-bye", "close")
    GREYLISTED = ("RCPT", "450 4.2.0 Greylisted, try again", "")
    MAILBOX_FULL = ("RCPT", "452 4.2.2 Mailbox full", "")
    BLOCKED = ("RCPT", "550 5.7.1 Blocked, good-bye", "close")
    UNKNOWN = ("RCPT", "550 5.1.1 User unknown", "")
    DROP = ("RCPT", "", "close")
    HANG = ("RCPT", "", "hang")
    LATER = ("DATA", "451 4.3.0 Try again later", "")
    SPAM = ("DATA", "554 5.7.1 Looks like spam", "")
    DROP_BEFORE_250 = ("DATA", "", "close")  # the letter is lost
    KEEP_AND_DROP = ("DATA", "", "keep and close")  # the letter is taken, but nobody is told
    DROP_AFTER_250 = ("DATA", "250 OK", "keep and close")
    HANG_BEFORE_250 = ("DATA", "", "hang")


@dataclass(frozen=True)
class Received:
    """One letter the server took."""

    to: str
    message: EmailMessage
    is_encrypted: bool
    signed_in_as: str | None
    connection: int


class MailServer:
    """Listens on a free port of this machine inside its `with` block; takes every letter unless told not to.

    `faults` of an address are used up one a try; `always` holds the fault of every try. `tls` is a server
    context: offered by STARTTLS, or from the first byte with `is_implicit`. `login` makes signing in needed.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        is_implicit: bool = False,
        login: tuple[str, str] | None = None,
        carries_utf8: bool = True,
        pipelines: bool = True,
    ) -> None:
        self.received: list[Received] = []
        self.tries: Counter[str] = Counter()
        self.connections = 0
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.greeting: str | None = None
        self.sender_answer = "250 OK"
        self.data_answer: str | None = None
        self.hangs_up_at_sign_in = False
        self.takes_letters_to_nobody = False
        self.hangs_up_after_letters_to_nobody = False
        self.port = 0
        self.is_implicit = is_implicit
        self.pipelines = pipelines
        self._tls, self._login, self._carries_utf8 = tls, login, carries_utf8
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_up.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The name its certificates are made for."""
        return "localhost"

    def to(self, address: str) -> list[Received]:
        """What was taken for one address."""
        return [letter for letter in self.received if letter.to == address]

    def stop(self) -> None:
        """Close every connection and stop listening; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        context = self._tls if self.is_implicit else None
        server = await self._loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._stopped.wait()
        server.close()
        await server.wait_closed()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports that were aborted close their sockets

    def _protocol(self) -> SMTP:
        self.connections += 1
        options: dict[str, Any] = {"hostname": "mail.test", "enable_SMTPUTF8": self._carries_utf8}
        if self._tls is not None and not self.is_implicit:
            options |= {"tls_context": self._tls}
        if self._login is not None:
            options |= {"authenticator": self._authenticated, "auth_required": True}
        protocol = _Protocol(_Handler(self, self.connections), self, **options)
        if self.is_implicit:
            protocol._auth_require_tls = False  # it does not see the encryption below it
        return protocol

    def _authenticated(
        self, smtp: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        if self.hangs_up_at_sign_in:
            _close(smtp)
            raise asyncio.CancelledError
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        if given == self._login:
            return AuthResult(success=True, auth_data=given[0] if given else "")
        return AuthResult(success=False, handled=False)


class _Protocol(SMTP):
    """The server's end of one connection; may greet with a refusal, or refuse DATA before it comes."""

    def __init__(self, handler: _Handler, server: MailServer, **options: Any) -> None:
        super().__init__(handler, **options)
        self._server = server

    async def _handle_client(self) -> None:
        if self._server.greeting is not None:
            await self.push(self._server.greeting)
            _close(self)
            return
        await super()._handle_client()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if self._server.data_answer is not None:
            await self.push(self._server.data_answer)
        elif self._server.takes_letters_to_nobody and self.envelope and not self.envelope.rcpt_tos:
            await self.push("354 Go on")
            await self._reader.readuntil(b".\r\n")
            if self._server.hangs_up_after_letters_to_nobody:
                _close(self)
            else:
                await self.push("554 No valid recipients")
        else:
            await super().smtp_DATA(arg)


class _Handler:
    """Answers the commands of one connection."""

    def __init__(self, server: MailServer, connection: int) -> None:
        self._server = server
        self._connection = connection
        self._fault: Fault | None = None

    async def handle_EHLO(  # noqa: N802
        self, _smtp: SMTP, session: Session, _envelope: Envelope, host: str, answers: list[str]
    ) -> list[str]:
        session.host_name = host
        return [*([answers[0], "250-PIPELINING"] if self._server.pipelines else answers[:1]), *answers[1:]]

    async def handle_MAIL(  # noqa: N802
        self, _smtp: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._server.sender_answer.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self._server.sender_answer

    async def handle_RCPT(  # noqa: N802
        self, smtp: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self._server.tries[address] += 1
        fault = self._server.always.get(address)
        if fault is None and self._server.faults[address]:
            fault = self._server.faults[address].popleft()
        self._fault = fault
        if fault is not None and fault.value[0] == "RCPT":
            return await self._misbehave(smtp, fault)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self._fault
        if fault is None or fault.value[2].startswith("keep"):
            self._keep(session, envelope)
        return "250 OK" if fault is None else await self._misbehave(smtp, fault)

    def _keep(self, session: Session, envelope: Envelope) -> None:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self._server.received.append(
            Received(
                to=envelope.rcpt_tos[0],
                message=message_from_bytes(content, policy=default),
                is_encrypted=self._server.is_implicit or session.ssl is not None,
                signed_in_as=session.auth_data if session.authenticated else None,
                connection=self._connection,
            )
        )

    async def _misbehave(self, smtp: SMTP, fault: Fault) -> str:
        _stage, answer, then = fault.value
        if then == "hang":
            await asyncio.Event().wait()
        if then.endswith("close"):
            if answer:
                await smtp.push(answer)
            _close(smtp)
            raise asyncio.CancelledError
        return str(answer)


def _close(smtp: SMTP) -> None:
    if smtp.transport is not None:
        smtp.transport.close()
