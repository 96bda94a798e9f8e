"""How often somebody may try: counts in rows that all processes share, under keys that tell nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, select

from sneaky.access import addresses, audit
from sneaky.core.clock import now
from sneaky.core.crypto import keyring
from sneaky.core.db import insert_into, rows_written, transaction
from sneaky.core.errors import TooMany
from sneaky.models import RateLimit


@dataclass(frozen=True)
class Rule:
    """At most `hits` tries in a `window` that starts with the first of them."""

    name: str
    hits: int
    window: timedelta


SIGN_IN_BY_ACCOUNT = Rule("sign-in-account", 10, timedelta(minutes=5))
SIGN_IN_BY_NETWORK = Rule("sign-in-network", 10, timedelta(minutes=5))
CODE_BY_BROWSER = Rule("code-browser", 10, timedelta(minutes=15))
LETTERS_BY_ADDRESS = Rule("letters-address", 5, timedelta(hours=1))
LETTERS_BY_NETWORK = Rule("letters-network", 20, timedelta(hours=1))
LETTERS_BY_EXCHANGE = Rule("letters-exchange", 100, timedelta(hours=1))
LETTERS_BY_INSTANCE = Rule("letters-instance", 500, timedelta(hours=1))


def hit(rule: Rule, *keys: str) -> None:
    """Count one try against `rule` for `keys` together; raises `TooMany` beyond the rule.

    Call it before opening a transaction: a try that fails later must stay counted. The first refusal of each
    window stands in the audit trail.
    """
    beyond, seconds = count(rule, *keys)
    if beyond == 1:
        audit.note_refusal("limit.reached", limit=rule.name)
    if beyond:
        raise TooMany(retry_after=seconds)


def count(rule: Rule, *keys: str) -> tuple[int, int]:
    """Count one try: how many there are beyond the rule by now, and the seconds until they are forgotten."""
    at = now()
    ends_at = at + rule.window
    is_over = RateLimit.expires_at <= at
    counted = (
        insert_into(RateLimit)
        .values(key=_key(rule, keys), hits=1, expires_at=ends_at)
        .on_conflict_do_update(
            index_elements=[RateLimit.key],
            set_={
                "hits": case((is_over, 1), else_=RateLimit.hits + 1),
                "expires_at": case((is_over, ends_at), else_=RateLimit.expires_at),
            },
        )
        .returning(RateLimit.hits, RateLimit.expires_at)
    )
    with transaction() as session:
        hits, expires_at = session.execute(counted).one()
    return max(0, hits - rule.hits), max(1, math.ceil((expires_at - at).total_seconds()))


def count_letter(email: str, *, ip: str, exchange_id: int | None = None) -> None:
    """Count an anonymous request for a letter against every rule there is; raises `TooMany`.

    The network comes first, so that one greedy network cannot use up what an address may ask for.
    """
    hit(LETTERS_BY_NETWORK, addresses.network(ip))
    hit(LETTERS_BY_ADDRESS, addresses.folded(email))
    if exchange_id is not None:
        hit(LETTERS_BY_EXCHANGE, str(exchange_id))
    hit(LETTERS_BY_INSTANCE)


def _key(rule: Rule, keys: tuple[str, ...]) -> str:
    return keyring().tag("rate-limit", rule.name, *keys).hex()


def delete_expired(limit: int) -> int:
    """Delete at most `limit` counts whose window is over; returns how many."""
    over = select(RateLimit.key).where(RateLimit.expires_at <= now()).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(RateLimit).where(RateLimit.key.in_(over)))
