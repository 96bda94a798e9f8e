"""A line to the mail server that the settings name: connected, encrypted, signed in."""

from __future__ import annotations

import smtplib
import ssl
from base64 import b64encode
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from sneaky.core.errors import MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.transports.base import ServerAway

TIMEOUT = 15.0
_SIGNED_IN = 235


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


def server_from(settings: Settings) -> Server:
    """The server that `smtp://` and `smtps://` name.

    `smtp://` must be able to encrypt (STARTTLS) where the host is another machine or a password would be
    sent; `?tls=none` waives that, `?tls=starttls` asks for it anyway. `?ca=FILE` trusts an own authority.
    """
    parts = urlsplit(settings.mail_url)
    host, username = parts.hostname or "", unquote(parts.username or "")
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    is_exposed = bool(username) or not _is_loopback(host)
    return Server(
        host=host,
        port=parts.port or _usual_port(parts.scheme, bool(username)),
        security=_security(parts.scheme, asked.get("tls"), is_exposed=is_exposed),
        hello=_hello(settings.host),
        username=username,
        password=unquote(parts.password or ""),
        ca_file=asked.get("ca"),
    )


def open_line(server: Server) -> smtplib.SMTP:
    """Connect, encrypt, sign in: nothing of a letter is said before all three are done.

    Raises `ServerAway` where that fails for now, and `MailRefused` where the server does not want us.
    """
    try:
        line = _connected(server)
    except smtplib.SMTPResponseException as error:
        raise _refusal(error) from error
    except ssl.SSLCertVerificationError as error:
        raise ServerAway(f"The certificate of {server.host} is not valid: {error.verify_message}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ServerAway(f"No connection to {server.host}:{server.port}: {error}") from error
    if server.username:
        _sign_in(line, server)
    return line


def told(code: int, words: bytes | str) -> str:
    """A server's answer as one line."""
    text = words if isinstance(words, str) else words.decode(errors="replace")
    return " ".join(f"{code} {text}".split())


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


def _sign_in(line: smtplib.SMTP, server: Server) -> None:
    try:
        if (server.username + server.password).isascii():
            line.login(server.username, server.password)
        else:
            _sign_in_in_utf8(line, server)
    except (smtplib.SMTPException, OSError) as error:
        line.close()
        raise _no_entry(server, error) from error


def _sign_in_in_utf8(line: smtplib.SMTP, server: Server) -> None:
    """What `login` does, with letters that it cannot write (RFC 4616)."""
    if not line.has_extn("auth"):
        raise smtplib.SMTPNotSupportedError
    words = b64encode(f"\0{server.username}\0{server.password}".encode()).decode()
    code, answer = line.docmd("AUTH", f"PLAIN {words}")
    if code != _SIGNED_IN:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _no_entry(server: Server, error: smtplib.SMTPException | OSError) -> MailTransient | MailRefused:
    """What failing to sign in means."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MailRefused(f"{server.host} offers no way to sign in that we know.")
    return ServerAway(f"{server.host} hung up while we signed in: {error}")


def _refusal(error: smtplib.SMTPResponseException) -> MailTransient | MailRefused:
    """What a no to ourselves means: later, or never with these settings."""
    words = told(error.smtp_code, error.smtp_error)
    return ServerAway(words) if error.smtp_code < 500 else MailRefused(words)


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
