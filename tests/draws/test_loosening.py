"""The one-press changes that a verdict offers."""

from __future__ import annotations

import pytest
from flask import Flask

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.draws.loosening import Loosening, loosen
from sneaky.draws.rules import Action
from sneaky.exchanges import households
from sneaky.models import Exchange, Participant
from tests.factories import an_exchange, participants


def test_loosening_is_all_or_nothing(any_app: Flask) -> None:
    exchange_id = an_exchange(single_loop=True)
    ann, bob = participants(exchange_id, 2)
    households.assign(ann, "Attic")
    with pytest.raises(NotFound):
        loosen(exchange_id, [Loosening(Action.ALLOW_LOOPS), Loosening(Action.ALLOW, giver_id=ann)])
    with pytest.raises(NotFound):
        loosen(exchange_id, [Loosening(Action.LEAVE_HOUSEHOLD)])
    assert db.session.get_one(Exchange, exchange_id).single_loop
    loosen(exchange_id, [Loosening(Action.ALLOW_LOOPS), Loosening(Action.LEAVE_HOUSEHOLD, ann)])
    db.session.expire_all()
    assert not db.session.get_one(Exchange, exchange_id).single_loop
    assert db.session.get_one(Participant, ann).household_id is None
    loosen(exchange_id, [Loosening(Action.ALLOW, ann, bob)])


def test_an_exchange_that_is_gone_is_not_loosened(app: Flask) -> None:
    with pytest.raises(NotFound):
        loosen(404, [Loosening(Action.ALLOW_LOOPS)])
