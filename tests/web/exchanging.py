"""Exchanges in tests of pages: their addresses, and how many questions a page asks the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import InstrumentedAttribute

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import conduct
from sneaky.matches import seals
from sneaky.models import Exchange, Letter, LetterKind, LetterState, Match, Participant
from tests.factories import an_exchange, an_organizer, participants
from tests.web.signing_in import sign_in_organizer


def path_of(exchange_id: int, page: str = "") -> str:
    """The address of an exchange, or of one of its pages."""
    return "/".join(
        filter(None, ["/exchanges", _public_id(Exchange.public_id, Exchange.id, exchange_id), page])
    )


def person_id(participant_id: int) -> str:
    """The id of a participant in addresses."""
    return _public_id(Participant.public_id, Participant.id, participant_id)


def name_of(participant_id: int) -> str:
    """What a participant is called."""
    return _public_id(Participant.name, Participant.id, participant_id)


def organized(client: FlaskClient, **values: Any) -> int:
    """An exchange whose organizer is signed in."""
    organizer_id = an_organizer()
    exchange_id = an_exchange(organizer_id, **values)
    sign_in_organizer(client, organizer_id)
    return exchange_id


def drawn(client: FlaskClient, people: int = 5, **values: Any) -> tuple[int, list[int]]:
    """An exchange with so many people whose names are drawn; its organizer is signed in."""
    exchange_id = organized(client, **values)
    in_the_hat = participants(exchange_id, people)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    return exchange_id, in_the_hat


def recipients(exchange_id: int) -> dict[int, int]:
    """Who gives to whom, as nothing but the room of seals can tell."""
    here = select(Participant.id).where(Participant.exchange_id == exchange_id)
    givers = db.session.scalars(select(Match.giver_id).where(Match.giver_id.in_(here))).all()
    return {giver: seals.recipient_of(giver) or 0 for giver in givers}


def settle_letters(exchange_id: int, state: LetterState, *, error: str = "", only: int | None = None) -> None:
    """Say what became of an exchange's letters, or of those to one participant."""
    with transaction() as session:
        letters = select(Letter).where(Letter.exchange_id == exchange_id, Letter.kind == LetterKind.MATCH)
        for letter in session.scalars(
            letters if only is None else letters.where(Letter.participant_id == only)
        ):
            letter.state, letter.error, letter.settled_at = state, error, now()


@contextmanager
def counted_queries(app: Flask) -> Iterator[list[str]]:
    """The statements that are sent inside the block, transactions not counted."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN")):
            sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _public_id(column: InstrumentedAttribute[str], key: InstrumentedAttribute[int], row_id: int) -> str:
    return db.session.scalars(select(column).where(key == row_id)).one()
