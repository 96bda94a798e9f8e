"""The audit trail."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.access import audit
from sneaky.core.db import db, transaction
from sneaky.models import AuditEntry
from tests.factories import an_exchange, an_organizer


def test_a_line_says_who_did_what_when(any_app: Flask) -> None:
    organizer_id = an_organizer()
    exchange_id = an_exchange(organizer_id)
    audit.note("draw.conducted", organizer_id=organizer_id, exchange_id=exchange_id, participants=12)
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.organizer_id, entry.exchange_id) == (
        "draw.conducted",
        organizer_id,
        exchange_id,
    )
    assert entry.details == {"participants": 12}
    assert entry.at is not None


def test_a_line_is_part_of_what_it_tells(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        audit.note("draw.conducted")
        1 / 0  # noqa: B018
    assert db.session.scalars(select(AuditEntry)).all() == []
