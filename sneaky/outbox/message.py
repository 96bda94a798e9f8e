"""What a letter looks like on the way: rendered parts in, one RFC 5322 message out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any

from sneaky.core.clock import now
from sneaky.core.crypto import keyring
from sneaky.core.errors import MailPermanent, SneakyError
from sneaky.core.settings import settings


class LetterObsolete(SneakyError):
    """What this letter tells is no longer so, and it need not be sent."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Rendered:
    """A letter as its reader sees it, and the headers that only its kind knows."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    reply_to: str | None = None


_LONGEST_WORD = 60


class _Lines(EmailPolicy):
    """Writes headers so that words arrive as they were, and links as links.

    `email.policy` itself loses or adds spaces between words, how many depends on the release of Python, and
    some releases write what servers refuse (github.com/python/cpython/issues/144156). It also encodes a link
    that is longer than a line, and then no mail program finds it.
    """

    def fold(self, name: str, value: Any) -> str:
        """One header as lines: ASCII, and UTF-8 only for an address that asks for it."""
        if name == "Subject":
            return self._lines(name, str(value))
        if name == "From" and not value.addresses[0].display_name.isascii():
            return self._lines(name, value.addresses[0].display_name, f" <{value.addresses[0].addr_spec}>")
        if name.startswith("List-"):
            return f"{name}: {value}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same as bytes."""
        return self.fold(name, value).encode()

    def _lines(self, name: str, words: str, rest: str = "") -> str:
        # A word that no line can hold is taken apart, which only encoded ones can be.
        charset = "utf-8" if max(map(len, words.split()), default=0) > _LONGEST_WORD else None
        encoded = Header(words, charset, header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{rest}{self.linesep}"


# Base64 and quoted-printable only: a server without 8BITMIME gets nothing it may not take.
_POLICY = _Lines(linesep=SMTP.linesep, cte_type="7bit")


def one_line(text: str) -> str:
    """Text without line breaks and control characters, so that it ends no header and rearranges no letter."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())


def letter_key(letter_id: int, to_email: str, created_at: str) -> str:
    """Names one letter to one address, the same at every try, and tells nothing about it.

    The creation instant takes part because a database may give an erased letter's id to a new one.
    """
    return keyring().tag("letter", str(letter_id), to_email, created_at)[:20].hex()


def compose(rendered: Rendered, *, to_email: str, key: str) -> EmailMessage:
    """Put a message together that every try repeats with the same Message-ID.

    Raises `MailPermanent` where no message can carry the address.
    """
    sender = settings().mail_from
    message = EmailMessage(policy=_POLICY.clone(utf8=not to_email.rpartition("@")[0].isascii()))
    message["From"] = sender
    message["To"] = _address(to_email)
    message["Subject"] = one_line(rendered.subject).replace("=?", "= ?")  # or it would be read as encoded
    message["Date"] = format_datetime(now())
    message["Message-ID"] = f"<{key}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if rendered.reply_to:
        message["Reply-To"] = _address(rendered.reply_to)
    for name, value in rendered.headers.items():
        message[name] = value
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    for attachment in rendered.attachments:
        kind, _, rest = attachment.content_type.partition("/")
        subtype, *parameters = rest.split("; ")
        message.add_attachment(
            attachment.content,
            maintype=kind,
            subtype=subtype,
            filename=attachment.name,
            params=dict(parameter.split("=") for parameter in parameters),
        )
    return message


def _address(email: str) -> Address:
    """An address without a name; the domain in ASCII, as mail servers want it."""
    local, _, domain = email.rpartition("@")
    if not local or not domain:
        raise MailPermanent("No letter can be addressed to this: a part of the address is missing")
    try:
        return Address(username=local, domain=domain.encode("idna").decode())
    except (ValueError, IndexError) as error:
        raise MailPermanent(f"No letter can be addressed to this: {error}") from None
