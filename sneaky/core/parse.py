"""Read the text of one setting: returns the value or raises a `ValueError` that says what to write."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

_MAIL_SCHEMES = ("smtp", "smtps", "resend", "console", "file")
_SERVER_SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
_SECRET_LENGTH = 32
_WEBHOOK_SECRET_LENGTH = 16
_BIND = re.compile(r"unix:.+|([^\s:/\[\]]+|\[[0-9A-Fa-f:.%\w]+\]):[0-9]{1,5}", re.ASCII)


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
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"whose home “{text}” means is not known here; write the whole path") from None


def database_url(text: str) -> str:
    """An SQLAlchemy URL of SQLite or PostgreSQL; a relative file of SQLite is one of the current folder.

    It is made absolute here, since Flask would look for it in a folder of its own.
    """
    scheme, _, rest = text.partition("://")
    address, mark, query = rest.partition("?")
    scheme, file = scheme.lower(), address.removeprefix("/")
    if scheme == "sqlite" and file != address and file.strip("/"):
        is_plain = not file.startswith((":memory:", "file:"))
        return f"sqlite:///{Path(file).absolute() if is_plain else file}{mark}{query}"
    if scheme in _SERVER_SCHEMES and _names_database(address):
        return f"{scheme}://{rest}"
    raise ValueError(
        "this is no database address; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    )


def _names_database(address: str) -> bool:
    """Whether there is a name behind the host, whatever the password before it holds."""
    try:
        parts = urlsplit(f"//{address.rpartition('@')[2]}")
        return bool(parts.path.strip("/")) and (parts.port or 0) >= 0
    except ValueError:
        return False


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
    if not text.isascii():
        raise ValueError(f"write “{text}” in ASCII, its domain as xn--…")
    parts = urlsplit(text)
    if (
        parts.scheme not in {"http", "https"}
        or not _names_host(parts)
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
    if parts.scheme not in {"http", "https"} or not _names_host(parts):
        raise ValueError("this is no web address; write https://HOST/PATH")
    return text.rstrip("/")


def _names_host(parts: SplitResult) -> bool:
    """Whether there is a host, and a port that is a number, if any."""
    try:
        return bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return False


def bind(text: str) -> str:
    """ADDRESS:PORT or unix:PATH; an IPv6 address stands in brackets."""
    if _BIND.fullmatch(text) and (text.startswith("unix:") or int(text.rpartition(":")[2]) < 65_536):
        return text
    raise ValueError(f"“{text}” is no address to listen on; write 127.0.0.1:8000, or [::1]:8000")


def mail_url(text: str) -> str:
    """How letters leave: a transport and its address."""
    parts = urlsplit(text)
    if parts.scheme not in _MAIL_SCHEMES:
        raise ValueError(f"it must start with one of {', '.join(f'{scheme}:' for scheme in _MAIL_SCHEMES)}")
    if parts.scheme not in {"console", "file"} and not _names_host(parts):
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
