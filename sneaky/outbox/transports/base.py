"""What every transport is: a line that takes one message after the other."""

from __future__ import annotations

from email.message import EmailMessage
from types import TracebackType
from typing import Protocol, Self

from sneaky.core.errors import MailPermanent, MailTransient


class ServerAway(MailTransient):
    """The mail server cannot be reached; that is not this letter's fault, so all letters wait."""


class TakenBefore(MailPermanent):
    """The server knows this letter's key, from a try at which the letter said something else."""


class Transport(Protocol):
    """A way for letters to leave. Inside its `with` block one connection serves many letters."""

    def __enter__(self) -> Self:
        """Get ready; connects no earlier than the first letter needs it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Hand one message over; returns the server's words of acceptance.

        `idempotency_key` is the same at every try of one letter. Raises `MailPermanent` for this letter's
        end, `TakenBefore` where its key is known with other words, `MailTransient` for another try,
        `ServerAway` where nobody answered, and `MailRefused` where the server refuses us whatever the letter.
        """


class Connectionless:
    """For transports that have nothing to open or to hang up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
