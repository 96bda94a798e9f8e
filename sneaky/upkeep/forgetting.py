"""The end of the keys of before, and of everything that only they have made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update

from sneaky.access import audit
from sneaky.core import key_file
from sneaky.core.clock import now
from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import open_session, rows_written, transaction
from sneaky.core.errors import RuleBroken
from sneaky.core.settings import settings
from sneaky.models import AuditEntry, Exchange, MagicToken, PairMemory
from sneaky.outbox import links
from sneaky.upkeep import keys

_AT_ONCE = 500


@dataclass(frozen=True)
class Forgotten:
    """How many keys were forgotten, and what ended with them."""

    keys: int
    magic_links: int
    join_links: int
    pairs: int


def forget() -> Forgotten:
    """End what earlier keys have made, and take them out of the key file.

    Magic links and join links of theirs stop working, and so do the unsubscribe links in letters that were
    sent; pairs that were remembered under them are forgotten. Raises `RuleBroken` while anything is sealed by
    them, and where there is none.
    """
    with keys.one_at_a_time():
        ring = keyring()
        if keys.is_anything_sealed_otherwise():
            raise RuleBroken("Earlier keys still seal something. Run `sneaky key rotate` first.")
        if not ring.older:
            raise RuleBroken("There is no earlier key.")
        current = Keyring(ring.current)
        with transaction():
            forgotten = Forgotten(
                len(ring.older), _revoke_links(current), _close_join_links(current), _forget_pairs()
            )
            keys.note_the_key()  # whoever interrupted the rotation may not have come so far
            audit.note("key.forgotten", keys=len(ring.older))
        if (file := settings().key_file) is not None:
            key_file.write(file, [ring.current])
    return forgotten


def _revoke_links(current: Keyring) -> int:
    """Revoke every link that could still be used and that the current key has not made."""
    session, at = open_session(), now()
    living = session.scalars(
        select(MagicToken).where(MagicToken.expires_at > at, MagicToken.revoked_at.is_(None))
    )
    ids = [row.id for row in living if links.rebuild(row, current) is None]
    for some in _chunks(ids):
        rows_written(session, update(MagicToken).where(MagicToken.id.in_(some)).values(revoked_at=at))
    return len(ids)


def _close_join_links(current: Keyring) -> int:
    """Close every join link that the current key has not made; the organizer makes a new one."""
    session = open_session()
    open_ones = session.execute(
        select(Exchange.id, Exchange.public_id, Exchange.join_nonce, Exchange.join_hash).where(
            Exchange.join_hash.is_not(None)
        )
    )
    ids = [
        row.id
        for row in open_ones
        if links.rebuild_join_token(row.public_id, row.join_nonce, row.join_hash, current) is None
    ]
    for some in _chunks(ids):
        closed = {"join_nonce": None, "join_hash": None}
        rows_written(session, update(Exchange).where(Exchange.id.in_(some)).values(**closed))
    return len(ids)


def _forget_pairs() -> int:
    """Forget the pairs of draws before the last rotation: only the keys of then could recognise them."""
    session = open_session()
    rotated_at = session.scalar(select(func.max(AuditEntry.at)).where(AuditEntry.action == keys.ROTATED))
    return rows_written(session, delete(PairMemory).where(PairMemory.drawn_at <= (rotated_at or now())))


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
