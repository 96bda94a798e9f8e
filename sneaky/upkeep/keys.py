"""A new secret key while the app serves, and everything sealed anew with it.

The key file says what running processes know, and they look at it before each use. So a new key is at first
only known, until no work is left that began without it; then it seals, and what others have sealed follows in
short batches. Nothing else has to be remembered: whoever is interrupted starts again and goes on from there.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import InstrumentedAttribute

from sneaky.access import audit
from sneaky.conversations import threads
from sneaky.core import crypto, key_file
from sneaky.core.clock import monotonic
from sneaky.core.crypto import fingerprint_of_seal, keyring
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken, SettingsError
from sneaky.core.settings import settings
from sneaky.exchanges import personal_data
from sneaky.matches import seals
from sneaky.models import Instance, Match, Message, Participant
from sneaky.outbox import gate

# Longer than any piece of work that asks for the keyring once and then uses it.
GRACE = 10.0
_AT_ONCE = 200
_LONGEST_TURN = 1.0
ROTATED = "key.rotated"

Reseal = Callable[[Any, int], Any]


@dataclass(frozen=True)
class _Kind:
    """Something that is kept sealed: its name, where it stands, and how its room seals it anew."""

    name: str
    column: InstrumentedAttribute[Any]
    reseal: Reseal
    before_all: object


_KINDS = (
    _Kind("matches", Match.recipient_sealed, seals.reseal, ""),
    _Kind("messages", Message.body_sealed, threads.reseal, 0),
    _Kind("postal addresses", Participant.postal_address_sealed, personal_data.reseal_addresses, 0),
)


@dataclass(frozen=True)
class KeyStatus:
    """One secret key: whether it is the one that seals, and how much of each kind it has sealed."""

    fingerprint: str
    is_current: bool
    is_known: bool
    sealed: dict[str, int]


def status() -> list[KeyStatus]:
    """Every key that is known or that has sealed something, the current one first."""
    ring = keyring()
    counts = {kind.name: _sealed_by(kind) for kind in _KINDS}
    known = [one.fingerprint for one in ring.each()]
    others = sorted({fingerprint for found in counts.values() for fingerprint in found} - set(known))
    return [
        KeyStatus(
            fingerprint,
            is_current=fingerprint == ring.fingerprint,
            is_known=fingerprint in known,
            sealed={name: found[fingerprint] for name, found in counts.items() if fingerprint in found},
        )
        for fingerprint in (*known, *others)
    ]


def rotate(*, grace: float = GRACE) -> dict[str, int]:
    """Make a new secret key and seal everything with it; or finish that, where it was interrupted.

    With the key in the environment it only seals anew: the operator has put a new key first. Returns how many
    of each kind were sealed anew. Earlier keys still open and verify until they are forgotten. `grace` is how
    long, in seconds, others may go on with what they knew. Raises `RuleBroken` where there is nothing to do.
    """
    with one_at_a_time():
        if not is_anything_sealed_otherwise() and stated_key() in {None, keyring().fingerprint}:
            _put_new_key_first(grace)
        counts = {kind.name: _reseal_all(kind) for kind in _KINDS}
        time.sleep(grace)
        for kind in _KINDS:  # what was begun with the key of before
            counts[kind.name] += _reseal_all(kind)
        note_the_key()
        audit.note(ROTATED, **{name.replace(" ", "_"): number for name, number in counts.items()})
    return counts


def recognise() -> None:
    """Remember by which key this database is sealed; raises `SettingsError` where that key is not here."""
    stated, ring = stated_key(), keyring()
    if stated is None:
        note_the_key()
    elif stated not in {one.fingerprint for one in ring.each()}:
        raise SettingsError(
            [
                f"SNEAKY_SECRET_KEY: this database is sealed with the key {stated}, and here is the key"
                f" {ring.fingerprint}. Put that key back: without it no match can be read. If it was"
                " replaced on purpose, add it to SNEAKY_OLD_SECRET_KEYS."
            ]
        )


def stated_key() -> str | None:
    """The fingerprint of the key by which this database says it is sealed; None before the first start."""
    return db.session.scalar(select(Instance.key_fingerprint))


def note_the_key() -> None:
    """Have the database say that it is sealed by the current key."""
    with transaction() as session:
        gate.lock(session).key_fingerprint = keyring().fingerprint


def is_anything_sealed_otherwise() -> bool:
    """Whether any value is sealed by another key than the current one."""
    return any(
        db.session.scalar(select(kind.column).where(crypto.is_sealed_otherwise(kind.column)).limit(1))
        for kind in _KINDS
    )


def _put_new_key_first(grace: float) -> None:
    """Let every process know a new key, and only then use it."""
    file = settings().key_file
    if file is None:
        raise RuleBroken(
            "Everything is sealed with the current key. To change it: add a new one to"
            " SNEAKY_OLD_SECRET_KEYS of every process and restart them; then make it SNEAKY_SECRET_KEY, put"
            " the one of before into SNEAKY_OLD_SECRET_KEYS, and restart them; then run this again."
        )
    known, fresh = key_file.read(file), key_file.new_key()
    key_file.write(file, [*known, fresh])
    time.sleep(grace)
    key_file.write(file, [fresh, *known])


def _reseal_all(kind: _Kind) -> int:
    """Batch after batch, with a turn for others in between; how many there were to do."""
    before, after = _number_sealed_otherwise(kind), kind.before_all
    while before and after is not None:
        start = monotonic()
        after = kind.reseal(after, _AT_ONCE)
        time.sleep(min((monotonic() - start) / 2, _LONGEST_TURN))
    return before


def _number_sealed_otherwise(kind: _Kind) -> int:
    query = select(func.count()).where(crypto.is_sealed_otherwise(kind.column))
    return db.session.scalar(query) or 0


def _sealed_by(kind: _Kind) -> dict[str, int]:
    head = func.substr(kind.column, 1, len(keyring().seal_head), type_=LargeBinary)
    rows = db.session.execute(select(head, func.count()).where(kind.column.is_not(None)).group_by(head)).all()
    return {fingerprint_of_seal(sealed): number for sealed, number in rows}


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """One rotation at a time on this machine; a second one is refused."""
    file: Path = settings().data_dir / key_file.LOCK
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuleBroken("Somebody is at the keys already.") from None
        yield
