"""Known and unknown addresses cost the same work, so that no clock tells them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event

from sneaky.access import magic_links, organizers, rate_limits
from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.exchanges import registration
from tests.factories import a_participant, an_exchange, an_organizer

KNOWN, UNKNOWN, IP = "known@example.org", "nobody@example.org", "192.0.2.7"


@contextmanager
def work() -> Iterator[list[str]]:
    """Collects what the database is asked to do: the verb and the table of each statement."""
    done: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        verb = statement.split()[0]
        table = re.search(r"(?:FROM|INTO|UPDATE) (\w+)", statement)
        done.append(f"{verb} {table[1]}" if table else _end_of_savepoint(statement))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield done
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def _end_of_savepoint(statement: str) -> str:
    if statement.startswith(("RELEASE", "ROLLBACK TO")):
        return "savepoint ends"
    return statement.split()[0]


def ask(email: str) -> None:
    magic_links.ask(email, ip=IP, browser="a secret of this browser")


def forget(email: str) -> None:
    organizers.request_password_reset(email, ip=IP)


def sign_in(email: str) -> None:
    with pytest.raises(RuleBroken):
        organizers.sign_in(email, "wrong horse!", ip=IP)


@pytest.mark.parametrize("action", [ask, forget, sign_in])
def test_an_unknown_address_costs_the_same_statements(any_app: Flask, action: Callable[[str], None]) -> None:
    a_participant(an_exchange(an_organizer(email=KNOWN)), email=KNOWN)
    with work() as for_known:
        action(KNOWN)
    with work() as for_unknown:
        action(UNKNOWN)
    assert for_unknown == for_known
    assert len(for_known) > 3


def test_joining_again_costs_what_joining_does(any_app: Flask) -> None:
    exchange_id = an_exchange()
    a_participant(exchange_id, email=KNOWN)
    costs = []
    for email in (KNOWN, UNKNOWN):
        with work() as done:
            registration.join(
                exchange_id, "Ann", email, ip=IP, household_name="The Millers", ideas="A book\nWool socks"
            )
        costs.append(sorted(statement for statement in done if not statement.startswith("SELECT")))
    assert costs[0] == costs[1]
    assert costs[0].count("INSERT wish_list_item") == 2


def test_a_known_address_is_counted_like_an_unknown_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    a_participant(an_exchange(), email=KNOWN)
    counted: list[str] = []
    monkeypatch.setattr(rate_limits, "hit", lambda rule, *_keys: counted.append(rule.name))
    ask(KNOWN)
    half = len(counted)
    ask(UNKNOWN)
    assert counted[:half] == counted[half:]
