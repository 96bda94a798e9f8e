"""Every field of an exchange refuses what is wrong, names itself, and stores nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.exchanges import lifecycle
from sneaky.models import Exchange
from tests import factories
from tests.exchanges.forms import christmas


def local(days: float) -> datetime:
    return (now() + timedelta(days=days)).replace(tzinfo=None, microsecond=0)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 121}),
        ("name", {"name": "Bell\a"}),
        ("name", {"name": "reversed \u202e name"}),
        ("place", {"place": "x" * 201}),
        ("message", {"message": "x" * 5001}),
        ("message", {"message": "nul \0"}),
        ("zone", {"zone": "Europe/Atlantis"}),
        ("zone", {"zone": ""}),
        ("zone", {"zone": "europe/berlin"}),
        ("event_local", {"event_local": local(-1)}),
        ("event_local", {"event_local": local(6 * 366)}),
        ("event_local", {"event_local": datetime(1999, 1, 1)}),  # noqa: DTZ001
        ("registration_ends_local", {"registration_ends_local": local(3000)}),
        ("registration_ends_local", {"registration_ends_local": local(-2)}),
        ("registration_ends_local", {"registration_ends_local": datetime(1, 1, 1)}),  # noqa: DTZ001
        ("budget", {"budget": Decimal(-1)}),
        ("budget", {"budget": Decimal("1.234")}),
        ("budget", {"budget": Decimal("NaN")}),
        ("budget", {"budget": Decimal("Infinity")}),
        ("budget", {"budget": Decimal(100_000_000)}),
        ("currency", {"currency": "EURO"}),
        ("currency", {"currency": "€€€"}),
        ("currency", {"currency": "E1R"}),
        ("reminder_days", {"reminder_days": [0]}),
        ("reminder_days", {"reminder_days": [366]}),
        ("reminder_days", {"reminder_days": list(range(1, 12))}),
    ],
)
def test_bad_input_is_refused_beside_its_field_and_nothing_is_stored(
    app: Flask, field: str, values: dict[str, Any]
) -> None:
    organizer = factories.an_organizer()
    with pytest.raises(RuleBroken) as broken:
        lifecycle.create(organizer, christmas(**values))
    assert broken.value.field == field
    assert broken.value.message.endswith(".")
    assert db.session.scalar(select(func.count()).select_from(Exchange)) == 0


def test_zoned_wall_time_is_a_mistake_of_the_program(app: Flask) -> None:
    with pytest.raises(ValueError, match="carries no zone"):
        lifecycle.create(factories.an_organizer(), christmas(event_local=now() + timedelta(days=3)))


def test_text_is_trimmed_and_days_are_sorted(app: Flask) -> None:
    exchange_id = lifecycle.create(
        factories.an_organizer(),
        christmas(
            name="  Family\t Christmas ",
            message=" One \r\n\r\nTwo  \rThree\n",
            currency=" usd ",
            budget=Decimal("7.5"),
            reminder_days=[1, 7, 1, 3],
        ),
    )
    exchange = db.session.get_one(Exchange, exchange_id)
    assert (exchange.name, exchange.message) == ("Family Christmas", "One\n\nTwo\nThree")
    assert (exchange.currency, exchange.budget) == ("USD", Decimal("7.50"))
    assert exchange.reminder_days == [7, 3, 1]


def test_budget_may_be_zero_or_absent(app: Flask) -> None:
    organizer = factories.an_organizer()
    for budget in (Decimal(0), None):
        exchange_id = lifecycle.create(organizer, christmas(budget=budget))
        assert db.session.get_one(Exchange, exchange_id).budget == budget


def test_instants_are_derived_from_wall_times(app: Flask) -> None:
    year = now().year + 1
    exchange_id = lifecycle.create(
        factories.an_organizer(),
        christmas(registration_ends_local=datetime(year, 7, 1, 12), zone="America/New_York"),  # noqa: DTZ001
    )
    exchange = db.session.get_one(Exchange, exchange_id)
    assert exchange.event_at == datetime(year, 12, 24, 23, tzinfo=UTC)
    assert exchange.registration_ends_at == datetime(year, 7, 1, 16, tzinfo=UTC)
