"""The link by which people join: unguessable, replaceable, closable."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core import tokens
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, words
from sneaky.exchanges.rows import held_exchange, refuse_once_drawn
from sneaky.models import Exchange
from sneaky.outbox import links

_NO_LINK_NEEDED = words("Nobody can join by a link any more; add people one by one instead.")


def current(exchange_id: int) -> str | None:
    """The full address of the join link; None without one, or with one whose secret key is gone."""
    row = db.session.execute(
        select(Exchange.public_id, Exchange.join_nonce, Exchange.join_hash).where(Exchange.id == exchange_id)
    ).one_or_none()
    if row is None or row.join_nonce is None:
        return None
    token = links.rebuild_join_token(row.public_id, row.join_nonce, row.join_hash)
    return links.url(f"/j/{token}") if token else None


def replace(exchange_id: int) -> None:
    """Make a new join link; the one before stops working at once. Raises `RuleBroken` after the draw."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, _NO_LINK_NEEDED)
        renew(exchange)


def close(exchange_id: int) -> None:
    """Take the join link away; whoever has it is told that it is not valid."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        exchange.join_nonce = exchange.join_hash = None


def renew(exchange: Exchange) -> None:
    """Give a locked exchange a new join link, inside the transaction of the caller."""
    exchange.join_nonce = tokens.new_nonce()
    exchange.join_hash = tokens.digest(links.join_token(exchange.public_id, exchange.join_nonce))


def exchange_of(token: str) -> int:
    """The exchange that a join link leads to, whether or not it still takes people. Raises `NotFound`."""
    exchange_id = db.session.scalar(select(Exchange.id).where(Exchange.join_hash == tokens.digest(token)))
    if exchange_id is None:
        raise NotFound("This link is not valid any more. Please ask the organizer for the new one.")
    return exchange_id
