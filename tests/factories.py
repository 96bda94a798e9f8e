"""Rows for tests: each function makes one thing with sensible values and returns its id."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytz
from sqlalchemy import insert

from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Exchange, ExchangeState, Organizer, Participant, ParticipantState

_count = itertools.count(1)


def an_organizer(**values: Any) -> int:
    """An organizer who cannot sign in by password unless a hash is given."""
    number = next(_count)
    fields = {
        "name": f"Olga {number}",
        "email": f"olga{number}@example.org",
        "password_hash": "!",
        "created_at": now(),
    }
    with transaction() as session:
        organizer = Organizer(**fields | values)
        session.add(organizer)
        session.flush()
        return organizer.id


def an_exchange(organizer_id: int | None = None, **values: Any) -> int:
    """An exchange with open registration on Christmas Eve, 18:00 in Berlin."""
    organizer_id = organizer_id or an_organizer()
    local = values.pop("event_local", datetime(now().year + 1, 12, 24, 18))  # noqa: DTZ001
    zone = values.pop("zone", "Europe/Berlin")
    fields = {
        "organizer_id": organizer_id,
        "name": f"Family Christmas {next(_count)}",
        "event_local": local,
        "zone": zone,
        "event_at": pytz.timezone(zone).localize(local).astimezone(UTC),
        "state": ExchangeState.REGISTRATION_OPEN,
        "created_at": now(),
    }
    with transaction() as session:
        exchange = Exchange(**fields | values)
        session.add(exchange)
        session.flush()
        return exchange.id


def a_participant(exchange_id: int, **values: Any) -> int:
    """Somebody who takes part and has confirmed."""
    number = next(_count)
    fields = {
        "public_id": new_public_id(),
        "exchange_id": exchange_id,
        "name": f"Ann {number}",
        "email": f"ann{number}@example.org",
        "state": ParticipantState.ACTIVE,
        "created_at": now(),
        "confirmed_at": now(),
    }
    with transaction() as session:
        participant = Participant(**fields | values)
        session.add(participant)
        session.flush()
        return participant.id


def participants(exchange_id: int, number: int) -> list[int]:
    """So many people who take part."""
    return [a_participant(exchange_id) for _ in range(number)]


def a_crowd(exchange_id: int, number: int) -> None:
    """So many people who take part, written by one statement."""
    rows = [
        {
            "public_id": new_public_id(),
            "exchange_id": exchange_id,
            "name": f"Guest {number}",
            "email": f"guest{number}@example.org",
            "state": ParticipantState.ACTIVE,
            "created_at": now(),
            "confirmed_at": now(),
        }
        for number in range(number)
    ]
    with transaction() as session:
        session.execute(insert(Participant), rows)
