"""Exchanges complete by themselves: when due, in batches, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.exchanges import lifecycle
from sneaky.models import CompletedReason, Exchange, ExchangeState, Reminder, ReminderState
from sneaky.reminders import planning
from tests import factories


def test_exchange_completes_at_its_instant_and_not_before(any_app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
    planning.plan(exchange_id)
    at = db.session.get_one(Exchange, exchange_id).event_at
    assert lifecycle.complete_due(at - timedelta(microseconds=1), 10) == 0
    assert lifecycle.complete_due(at, 10) == 1
    assert lifecycle.complete_due(at, 10) == 0
    exchange = db.session.get_one(Exchange, exchange_id)
    assert exchange.state is ExchangeState.COMPLETED
    assert (exchange.completed_at, exchange.completed_reason) == (at, CompletedReason.DATE_PASSED)
    reminders = db.session.execute(select(Reminder.state, Reminder.reason))
    assert {tuple(row) for row in reminders} == {(ReminderState.CANCELLED, "the exchange is over")}


@pytest.mark.parametrize("state", list(ExchangeState)[:3])
def test_exchange_without_a_draw_completes_thirty_days_later(app: Flask, state: ExchangeState) -> None:
    exchange_id = factories.an_exchange(state=state)
    at = db.session.get_one(Exchange, exchange_id).event_at + timedelta(days=30)
    assert lifecycle.complete_due(at, 10) == 0
    assert lifecycle.complete_never_drawn(at - timedelta(microseconds=1), 10) == 0
    assert lifecycle.complete_never_drawn(at, 10) == 1
    assert db.session.get_one(Exchange, exchange_id).completed_reason is CompletedReason.NEVER_DRAWN


def test_batches_end_with_a_short_one(any_app: Flask) -> None:
    for days in (1, 5, 3):
        factories.an_exchange(state=ExchangeState.MATCHED, event_at=now() - timedelta(days=days))
    ahead = factories.an_exchange(state=ExchangeState.MATCHED)
    assert [lifecycle.complete_due(now(), 2) for _ in range(3)] == [2, 1, 0]
    assert db.session.get_one(Exchange, ahead).state is ExchangeState.MATCHED
