"""Progress is counts."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import update

from sneaky import wishlists
from sneaky.core.db import transaction
from sneaky.draws import conduct, repair, reveal
from sneaky.draws.progress import DrawProgress, progress
from sneaky.draws.repair import Repair
from sneaky.models import Letter, LetterState, ParticipantState
from tests import factories
from tests.draws import drawn


def test_before_a_draw_people_and_wish_lists_count(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, _bob = factories.participants(exchange_id, 2)
    factories.a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
    wishlists.add(ann, "Tea")
    wishlists.add(ann, "Milk")
    assert progress(exchange_id) == DrawProgress(2, 0, 0, 0, 0, 1, 0, 0, 0)


def test_everything_is_counted_within_the_exchange(any_app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    drawn.a_drawn_exchange(3)
    with transaction() as session:
        delivered = update(Letter).where(Letter.participant_id.in_(people[:2]))
        session.execute(delivered.values(state=LetterState.SENT))
    for person in people[:3]:
        reveal.reveal(person)
    reveal.mark_gift(people[0], "has_gift", True)
    reveal.mark_gift(people[1], "has_gift", True)
    reveal.mark_gift(people[1], "sent", True)
    reveal.mark_gift(people[5], "received", True)
    assert progress(exchange_id) == DrawProgress(6, 6, 2, 3, 0, 0, 2, 1, 1)


def test_changed_recipients_wait_for_acknowledgement(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    repair.apply(exchange_id, Repair(swapping=(people[0],)))
    assert progress(exchange_id).unacknowledged == 2
    reveal.reveal(people[0])
    reveal.acknowledge(people[0])
    assert progress(exchange_id).unacknowledged == 1
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    assert progress(exchange_id).unacknowledged == 6
