"""What an organizer types, with sensible values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sneaky.core.clock import now
from sneaky.exchanges.lifecycle import ExchangeFields


def christmas(**values: Any) -> ExchangeFields:
    """The fields of an exchange on Christmas Eve of next year in Berlin."""
    fields: dict[str, Any] = {
        "name": "Family Christmas",
        "event_local": datetime(now().year + 1, 12, 24, 18),  # noqa: DTZ001
        "zone": "Europe/Berlin",
        "place": "Grandma's",
        "message": "Bring a cake.",
        "budget": Decimal("20.00"),
        "currency": "EUR",
    }
    return ExchangeFields(**fields | values)
