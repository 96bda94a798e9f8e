"""Read the text of one setting: returns the value or raises a `ValueError` that says what to write."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_MAIL_SCHEMES = ("smtp", "smtps", "resend", "console", "file")
_DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql", "postgresql+psycopg")
_SQLITE_FILE = "sqlite:///"
_SECRET_LENGTH = 32
_WEBHOOK_SECRET_LENGTH = 16


def choice(*options: str) -> Callable[[str], str]:
    """One of `options`, in any case."""
    by_folded = {option.casefold(): option for option in options}

    def parse(text: str) -> str:
        try:
            return by_folded[text.casefold()]
        except KeyError:
            raise ValueError(f"“{text}” is not one of {', '.join(options)}") from None

    return parse


def integer(least: int, most: int) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise ValueError(f"“{text}” is not a whole number from {least} to {most}")
        return value

    return parse


def boolean(text: str) -> bool:
    """`yes` or `no`."""
    try:
        return {
            "yes": True,
            "true": True,
            "1": True,
            "on": True,
            "no": False,
            "false": False,
            "0": False,
            "off": False,
        }[text.casefold()]
    except KeyError:
        raise ValueError(f"“{text}” is neither yes nor no") from None


def path(text: str) -> Path:
    """A folder; `~` is your home."""
    return Path(text).expanduser()


def database_url(text: str) -> str:
    """An SQLAlchemy URL of SQLite or PostgreSQL, with the whole path of an SQLite file.

    A relative one would be looked for in the working folder by some, and in Flask's by others.
    """
    parts = urlsplit(text)
    if parts.scheme not in _DATABASE_SCHEMES or not parts.path.strip("/"):
        raise ValueError(
            "this is no database address; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        )
    file = text.removeprefix(_SQLITE_FILE)
    if file == text or file.startswith((":memory:", "file:")):
        return text
    return f"{_SQLITE_FILE}{Path(file).absolute()}"


def secret_key(text: str) -> bytes:
    """At least 32 characters of chance, in one line."""
    if "\n" in text:
        raise ValueError(
            f"it has {text.count(chr(10)) + 1} lines and has to be one; of a copied key file, give the first"
            " line here and the others, with commas between them, to SNEAKY_OLD_SECRET_KEYS"
        )
    if len(text) < _SECRET_LENGTH:
        raise ValueError(
            f"it has {len(text)} characters and needs {_SECRET_LENGTH}; make one with: openssl rand -hex 32"
        )
    return text.encode()


def secret_keys(text: str) -> tuple[bytes, ...]:
    """Secret keys, separated by commas."""
    return tuple(secret_key(part.strip()) for part in text.split(","))


def base_url(text: str) -> str:
    """An http(s) address without a path's end, query or user, written as it stands in headers: in ASCII."""
    parts = urlsplit(text)
    if not text.isascii():
        raise ValueError(f"write “{text}” in ASCII, its domain as xn--…")
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise ValueError(f"“{text}” is no base address; write https://klaus.example.org")
    if parts.path.strip("/"):
        raise ValueError(
            "it has a path; Sneaky Klaus wants a host of its own, as in https://klaus.example.org"
        )
    return f"{parts.scheme}://{parts.netloc}"


def http_url(text: str) -> str:
    """An http(s) address."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is no web address; write https://HOST/PATH")
    return text.rstrip("/")


def bind(text: str) -> str:
    """ADDRESS:PORT or unix:PATH."""
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") or (host and port.isdigit() and int(port) < 65_536):
        return text
    raise ValueError(f"“{text}” is no address to listen on; write 127.0.0.1:8000")


def mail_url(text: str) -> str:
    """How letters leave: a transport and its address."""
    parts = urlsplit(text)
    if parts.scheme not in _MAIL_SCHEMES:
        raise ValueError(f"it must start with one of {', '.join(f'{scheme}:' for scheme in _MAIL_SCHEMES)}")
    try:
        is_complete = bool(parts.hostname or parts.scheme in {"console", "file"}) and (parts.port or 0) >= 0
    except ValueError:
        is_complete = False
    if not is_complete:
        raise ValueError(
            f"“{parts.scheme}” needs a host (and a port that is a number), as in smtp://mail.example.org:587"
        )
    if any(asked not in {"none", "starttls"} for asked in parse_qs(parts.query).get("tls", [])):
        raise ValueError(
            "after ?tls= there may be `starttls` or `none`, as in smtp://mail.example.org?tls=none"
        )
    if parts.scheme == "file" and not text.removeprefix("file:").strip("/"):
        raise ValueError("name the folder for letters, as in file:./letters")
    return text


def mailbox(text: str) -> str:
    """`Name <address>` or an address, in ASCII: not every mail server carries another."""
    address = parseaddr(text)[1]
    if not address.isascii():
        raise ValueError(f"write “{address}” in ASCII, its domain as xn--…")
    if address.count("@") != 1 or not all(address.split("@")) or any(mark in text for mark in "\r\n"):
        raise ValueError(f"“{text}” is no sender; write Sneaky Klaus <klaus@example.org>")
    return text


def webhook_secret(text: str) -> bytes:
    """The secret that signs webhooks, as Resend and Svix write it: `whsec_` and base64."""
    try:
        secret = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith("whsec_") or len(secret) < _WEBHOOK_SECRET_LENGTH:
        raise ValueError("this is no signing secret; copy the one that starts with whsec_ from your webhook")
    return secret


def token(text: str) -> str:
    """A bearer token of at least 16 characters."""
    if len(text) < 16 or not text.isascii() or " " in text:
        raise ValueError(
            "it needs at least 16 plain characters without spaces; make one with: openssl rand -hex 16"
        )
    return text
