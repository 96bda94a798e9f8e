"""Ids in addresses lead only to what the asker may see; a foreign one is as absent as an unknown one."""

from __future__ import annotations

import pytest
from flask import Flask

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.exchanges.lookup import exchange_id_for, participant_id_for
from sneaky.models import Exchange, Participant
from tests import factories


def test_own_exchange_is_found_and_a_foreign_one_is_absent(app: Flask) -> None:
    owner, other = factories.an_organizer(), factories.an_organizer()
    exchange_id = factories.an_exchange(owner)
    public_id = db.session.get_one(Exchange, exchange_id).public_id
    assert exchange_id_for(owner, public_id) == exchange_id
    for asker, asked in ((other, public_id), (owner, "unknown")):
        with pytest.raises(NotFound):
            exchange_id_for(asker, asked)


def test_participant_is_found_only_in_their_exchange(app: Flask) -> None:
    one, other = factories.an_exchange(), factories.an_exchange()
    ann = factories.a_participant(one)
    public_id = db.session.get_one(Participant, ann).public_id
    assert participant_id_for(one, public_id) == ann
    for where, asked in ((other, public_id), (one, "unknown")):
        with pytest.raises(NotFound):
            participant_id_for(where, asked)
