"""Letters by SMTP: encrypted unless that is waived, one connection for many, every refusal classified."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum, auto
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.transports.base import ServerAway

TIMEOUT = 15.0
# Many servers end a connection after a hundred letters; better to hang up before they do.
LETTERS_PER_CONNECTION = 100
_OK = 250
_WILL_FORWARD = 251
_CLOSING = 421
_TOO_BIG = 552


class Security(Enum):
    """How a connection is protected."""

    NONE = auto()  # clear text: only to this machine, or where it was asked for
    STARTTLS = auto()  # clear text until the server agrees to encrypt; nothing is sent if it does not
    TLS = auto()  # encrypted from the first byte


@dataclass(frozen=True)
class Server:
    """Where and how to reach a mail server."""

    host: str
    port: int
    security: Security
    hello: str
    username: str = ""
    password: str = ""
    ca_file: str | None = None
    timeout: float = TIMEOUT

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.security.name})"


class _HungUp(Exception):
    """The server closed the connection before it had the letter."""


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
        """MAIL, RCPT and DATA; after anything but a yes the line is clean for the next letter."""
        payload = message.as_bytes()
        to_email = message["To"].addresses[0].addr_spec
        line = self._line = self._line or self._dial()
        try:
            options = _options(line, to_email, len(payload))
            self._expect(*line.mail(message["From"].addresses[0].addr_spec, options), is_about_us=True)
            self._expect(*line.rcpt(to_email))
        except smtplib.SMTPServerDisconnected as error:
            self._hang_up()
            raise _HungUp(str(error)) from error
        try:
            code, words = line.data(payload)
        except smtplib.SMTPDataError as error:  # DATA itself was refused
            code, words = error.smtp_code, _bytes(error.smtp_error)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._hang_up()
            raise MailTransient(f"The connection broke while the letter was handed over: {error}") from error
        self._expect(code, words)
        self._carried += 1
        return _told(code, words)

    def _expect(self, code: int, words: bytes, *, is_about_us: bool = False) -> None:
        """Return on a yes; on a no clear the line and raise what it means for this letter, or for all."""
        if code in {_OK, _WILL_FORWARD}:
            return
        told = _told(code, words)
        self._clear(code)
        if 400 <= code < 500 or code < 200:
            raise MailTransient(told)
        if is_about_us and code != _TOO_BIG:
            raise MailRefused(told)
        raise MailPermanent(told)

    def _clear(self, code: int) -> None:
        """Take the refused letter back, so that the next starts afresh."""
        if self._line is None or code == _CLOSING:
            self._hang_up()
            return
        try:
            self._line.rset()
        except (smtplib.SMTPException, OSError):
            self._hang_up()

    def _dial(self) -> smtplib.SMTP:
        """Connect, encrypt, sign in. Nothing of a letter is said before all three are done."""
        server = self.server
        self._carried = 0
        try:
            line = _connected(server)
        except smtplib.SMTPResponseException as error:
            raise _refusal(error) from error
        except ssl.SSLCertVerificationError as error:
            raise ServerAway(
                f"The certificate of {server.host} is not valid: {error.verify_message}"
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ServerAway(f"No connection to {server.host}:{server.port}: {error}") from error
        if server.username:
            self._sign_in(line)
        return line

    def _sign_in(self, line: smtplib.SMTP) -> None:
        try:
            line.login(self.server.username, self.server.password)
        except smtplib.SMTPResponseException as error:
            line.close()
            raise _refusal(error) from error
        except smtplib.SMTPNotSupportedError as error:
            line.close()
            raise MailRefused(f"{self.server.host} offers no way to sign in that we know.") from error
        except (smtplib.SMTPException, OSError) as error:
            line.close()
            raise ServerAway(f"{self.server.host} hung up while we signed in: {error}") from error

    def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        try:
            line.quit()
        except (smtplib.SMTPException, OSError):
            line.close()


def from_settings(settings: Settings) -> SmtpTransport:
    """The transport for `smtp://` and `smtps://`.

    `smtp://` must be able to encrypt (STARTTLS) where the host is another machine or a password would be
    sent; `?tls=none` waives that, `?tls=starttls` asks for it anyway. `?ca=FILE` trusts an own authority.
    """
    parts = urlsplit(settings.mail_url)
    host, username = parts.hostname or "", unquote(parts.username or "")
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    security = _security(parts.scheme, asked.get("tls"), is_exposed=bool(username) or not _is_loopback(host))
    server = Server(
        host=host,
        port=parts.port or _usual_port(parts.scheme, bool(username)),
        security=security,
        hello=_hello(settings.host),
        username=username,
        password=unquote(parts.password or ""),
        ca_file=asked.get("ca"),
    )
    return SmtpTransport(server)


def _security(scheme: str, asked: str | None, *, is_exposed: bool) -> Security:
    if scheme == "smtps":
        return Security.TLS
    if asked == "none" or (asked is None and not is_exposed):
        return Security.NONE
    return Security.STARTTLS


def _usual_port(scheme: str, signs_in: bool) -> int:
    if scheme == "smtps":
        return smtplib.SMTP_SSL_PORT
    return 587 if signs_in else smtplib.SMTP_PORT


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hello(host: str) -> str:
    """What we call ourselves: the host people know us by, without asking any name server."""
    name = urlsplit(f"//{host}").hostname or "localhost"
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _connected(server: Server) -> smtplib.SMTP:
    """An open connection, encrypted where it must be, after both sides said hello."""
    line: smtplib.SMTP
    if server.security is Security.TLS:
        line = smtplib.SMTP_SSL(
            server.host, server.port, server.hello, timeout=server.timeout, context=_trust(server)
        )
    else:
        line = smtplib.SMTP(server.host, server.port, server.hello, timeout=server.timeout)
    try:
        if server.security is Security.STARTTLS:
            _encrypt(line, server)
        line.ehlo_or_helo_if_needed()
    except BaseException:
        line.close()
        raise
    return line


def _encrypt(line: smtplib.SMTP, server: Server) -> None:
    try:
        line.starttls(context=_trust(server))
    except (smtplib.SMTPNotSupportedError, smtplib.SMTPResponseException) as error:
        raise ServerAway(f"{server.host} does not encrypt (STARTTLS), so nothing was sent.") from error


def _trust(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


def _options(line: smtplib.SMTP, to_email: str, size: int) -> list[str]:
    """What to announce with MAIL. Raises `MailPermanent` for an address the server cannot carry."""
    options = [f"size={size}"] if line.has_extn("size") else []
    if not to_email.isascii():
        if not line.has_extn("smtputf8"):
            raise MailPermanent("The mail server cannot carry an address with such letters.")
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    return options


def _refusal(error: smtplib.SMTPResponseException) -> MailTransient | MailRefused:
    """What a no to ourselves means: later, or never with these settings."""
    told = _told(error.smtp_code, _bytes(error.smtp_error))
    return ServerAway(told) if error.smtp_code < 500 else MailRefused(told)


def _told(code: int, words: bytes) -> str:
    """The server's answer as one line."""
    return " ".join(f"{code} {words.decode(errors='replace')}".split())


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()
