"""Letters by SMTP: one connection for many, and every answer classified."""

from __future__ import annotations

import re
import smtplib
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import TracebackType
from typing import Final, Self

from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.transports.smtp_line import Server, open_line, server_from, told

# Many servers end a connection after a hundred letters; better to hang up before they do.
LETTERS_PER_CONNECTION = 100
_YES: Final = frozenset({250, 251})
_GO_ON: Final = 354
_CLOSING: Final = 421
_TOO_BIG: Final = 552
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


class _HungUp(Exception):
    """The server closed the connection before it had the letter."""


@dataclass(frozen=True)
class _Answer:
    """One reply of the server, and to which command (MAIL 0, RCPT 1, DATA 2)."""

    command: int
    code: int
    words: bytes

    @property
    def is_yes(self) -> bool:
        return self.code == _GO_ON if self.command == 2 else self.code in _YES


@dataclass
class SmtpTransport:
    """One connection to a mail server, opened by the first letter."""

    server: Server
    _line: smtplib.SMTP | None = field(default=None, repr=False)
    _carried: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say good-bye, if anybody listens."""
        self._hang_up()

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Hand one letter over; a connection that the server has closed meanwhile is opened anew once."""
        if self._carried >= LETTERS_PER_CONNECTION:
            self._hang_up()
        was_open = self._line is not None
        try:
            return self._hand_over(message)
        except _HungUp as error:
            if not was_open:
                raise MailTransient(f"The mail server hung up: {error}") from error
        try:
            return self._hand_over(message)
        except _HungUp as error:
            raise MailTransient(f"The mail server hung up: {error}") from error

    def _hand_over(self, message: EmailMessage) -> str:
        """Announce and send one letter; after a no the line is clean for the next one."""
        payload = message.as_bytes()
        if self._line is None:
            self._line, self._carried = open_line(self.server), 0
        line = self._line
        commands = _commands(line, message, len(payload))
        try:
            refusal = _announce(line, commands)
        except smtplib.SMTPServerDisconnected as error:
            self._hang_up()
            raise _HungUp(str(error)) from error
        if refusal is not None:
            self._refused(refusal.code, refusal.words, is_about_us=refusal.command == 0)
        try:
            line.send(_LEADING_DOT.sub(b"..", payload) + b".\r\n")
            code, words = line.getreply()
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._hang_up()
            raise MailTransient(f"The connection broke while the letter was handed over: {error}") from error
        if code not in _YES:
            self._refused(code, words)
        self._carried += 1
        return told(code, words)

    def _refused(self, code: int, words: bytes, *, is_about_us: bool = False) -> None:
        """Clear the line, and raise what a no means for this letter, or for all."""
        self._clear(code)
        if code < 500:
            raise MailTransient(told(code, words))
        if is_about_us and code != _TOO_BIG:
            raise MailRefused(told(code, words))
        raise MailPermanent(told(code, words))

    def _clear(self, code: int) -> None:
        """Take the refused letter back, so that the next starts afresh."""
        if self._line is None or code == _CLOSING:
            self._hang_up()
            return
        try:
            self._line.rset()
        except (smtplib.SMTPException, OSError):
            self._hang_up()

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        try:
            line.quit()
        except (smtplib.SMTPException, OSError):
            line.close()


def from_settings(settings: Settings) -> SmtpTransport:
    """The transport for `smtp://` and `smtps://`."""
    return SmtpTransport(server_from(settings))


def _commands(line: smtplib.SMTP, message: EmailMessage, size: int) -> tuple[bytes, bytes, bytes]:
    """From whom, to whom, and here it comes. Raises `MailPermanent` for an address it cannot carry."""
    sender, reader = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    options = f" SIZE={size}" if line.has_extn("size") else ""
    if not (sender + reader).isascii():
        if not line.has_extn("smtputf8"):
            raise MailPermanent("The mail server cannot carry an address with such letters.")
        options += " BODY=8BITMIME SMTPUTF8"
    return f"MAIL FROM:<{sender}>{options}\r\n".encode(), f"RCPT TO:<{reader}>\r\n".encode(), b"DATA\r\n"


def _announce(line: smtplib.SMTP, commands: tuple[bytes, bytes, bytes]) -> _Answer | None:
    """Say the three commands, in one go where the server takes that (RFC 2920); returns the first no.

    Raises `SMTPServerDisconnected` where the line breaks before the letter itself was asked for.
    """
    if not line.has_extn("pipelining"):
        for number, command in enumerate(commands):
            line.send(command)
            answer = _Answer(number, *line.getreply())
            if not answer.is_yes:
                return answer
        return None
    line.send(b"".join(commands))
    refusal: _Answer | None = None
    for number in range(len(commands)):
        try:
            answer = _Answer(number, *line.getreply())
        except smtplib.SMTPServerDisconnected:
            if refusal is None:
                raise
            return refusal
        if not answer.is_yes:
            refusal = refusal or answer
    if refusal is not None and answer.is_yes:  # it waits for a letter to nobody
        with suppress(smtplib.SMTPServerDisconnected):
            line.send(b".\r\n")
            line.getreply()
    return refusal
