"""Limits that all processes share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.access import rate_limits
from sneaky.access.rate_limits import Rule
from sneaky.core.db import db
from sneaky.core.errors import TooMany
from sneaky.models import RateLimit

THREE_A_MINUTE = Rule("test", 3, timedelta(minutes=1))
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_tries_up_to_the_rule_pass_and_the_next_waits(any_app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            rate_limits.hit(THREE_A_MINUTE, "ann")
        clock.shift(40)
        with pytest.raises(TooMany) as refused:
            rate_limits.hit(THREE_A_MINUTE, "ann")
        assert refused.value.retry_after == 20
        clock.shift(20)
        rate_limits.hit(THREE_A_MINUTE, "ann")


def test_waiting_ends_even_for_whoever_keeps_trying(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(59):
            clock.shift(1)
            with suppress(TooMany):
                rate_limits.hit(THREE_A_MINUTE, "ann")
        clock.shift(2)
        rate_limits.hit(THREE_A_MINUTE, "ann")


def test_keys_rules_and_their_order_count_apart(app: Flask) -> None:
    other = Rule("other", 1, timedelta(minutes=1))
    one_each = Rule("one", 1, timedelta(minutes=1))
    rate_limits.hit(one_each, "ann", "b")
    rate_limits.hit(one_each, "an", "nb")
    rate_limits.hit(one_each, "b", "ann")
    rate_limits.hit(one_each, "annb")
    rate_limits.hit(one_each)
    rate_limits.hit(other, "ann", "b")
    with pytest.raises(TooMany):
        rate_limits.hit(one_each, "ann", "b")


def test_rows_do_not_tell_whom_they_count(app: Flask) -> None:
    rate_limits.hit(THREE_A_MINUTE, "ann@example.org", "192.0.2.7")
    (key,) = db.session.scalars(select(RateLimit.key))
    assert len(key) == 64
    assert "ann" not in key
    assert "192" not in key


def test_a_hundred_parallel_tries_are_a_hundred(any_app: Flask) -> None:
    rule = Rule("parallel", 60, timedelta(minutes=1))

    def passes(_number: int) -> bool:
        with any_app.app_context():
            try:
                rate_limits.hit(rule, "ann")
            except TooMany:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(passes, range(100)))
    assert passed == 60
    assert db.session.scalars(select(RateLimit.hits)).one() == 100


def test_letters_are_counted_by_address_network_exchange_and_instance(app: Flask) -> None:
    rate_limits.count_letter("ann@example.org", ip="2001:db8::1", exchange_id=7)
    rate_limits.count_letter("a.nn+x@example.org", ip="2001:db8::2", exchange_id=7)
    rate_limits.count_letter("bob@example.org", ip="192.0.2.7")
    hits = sorted(db.session.scalars(select(RateLimit.hits)))
    assert hits == [1, 1, 2, 2, 2, 3]


@pytest.mark.parametrize(
    ("rule", "hits", "window"),
    [
        (rate_limits.SIGN_IN_BY_ACCOUNT, 10, timedelta(minutes=5)),
        (rate_limits.SIGN_IN_BY_NETWORK, 10, timedelta(minutes=5)),
        (rate_limits.LETTERS_BY_ADDRESS, 5, timedelta(hours=1)),
        (rate_limits.LETTERS_BY_NETWORK, 20, timedelta(hours=1)),
        (rate_limits.LETTERS_BY_EXCHANGE, 100, timedelta(hours=1)),
        (rate_limits.LETTERS_BY_INSTANCE, 500, timedelta(hours=1)),
    ],
)
def test_the_rules_are_the_promised_ones(rule: Rule, hits: int, window: timedelta) -> None:
    assert (rule.hits, rule.window) == (hits, window)


def test_counts_whose_window_is_over_are_deleted_in_portions(any_app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for name in ("ann", "bob", "cat"):
            rate_limits.hit(THREE_A_MINUTE, name)
        clock.shift(60)
        rate_limits.hit(THREE_A_MINUTE, "dan")
        assert rate_limits.delete_expired(2) == 2
        assert rate_limits.delete_expired(2) == 1
        assert rate_limits.delete_expired(2) == 0
    assert len(db.session.scalars(select(RateLimit.key)).all()) == 1
