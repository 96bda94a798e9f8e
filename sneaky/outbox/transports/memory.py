"""Letters kept in a list, for tests; addresses may be told to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage

from sneaky.outbox.transports.base import Connectionless


@dataclass
class MemoryTransport(Connectionless):
    """Keeps what it is given. `failures` names the error that an address raises."""

    failures: dict[str, Exception] = field(default_factory=dict)
    sent: list[EmailMessage] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Keep one letter, or raise what its address is told to."""
        failure = self.failures.get(message["To"].addresses[0].addr_spec)
        if failure is not None:
            raise failure
        self.sent.append(message)
        self.keys.append(idempotency_key)
        return "kept"
