"""Letters on the console, for a first look at an instance without any mail set-up."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TextIO

from sneaky.core.settings import Settings
from sneaky.outbox.transports.base import Connectionless


@dataclass
class ConsoleTransport(Connectionless):
    """Prints the plain text of each letter to a stream."""

    stream: TextIO

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Print one letter, attachments by name."""
        body = message.get_body(("plain",))
        lines = [f"{name}: {message[name]}" for name in ("To", "Subject")]
        lines += [f"Attached: {part.get_filename()}" for part in message.iter_attachments()]
        text = body.get_content() if body is not None else ""
        self.stream.write("\n".join(["", "─" * 60, *lines, "", text.rstrip(), "─" * 60, ""]))
        self.stream.flush()
        return None


def from_settings(_settings: Settings) -> ConsoleTransport:
    """The transport for `console:`."""
    return ConsoleTransport(sys.stdout)
