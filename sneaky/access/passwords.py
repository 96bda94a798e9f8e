"""Passwords: which are good enough, and how they are hashed."""

from __future__ import annotations

import threading
from base64 import b64encode
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from sneaky.core.errors import RuleBroken

SHORTEST = 10
LONGEST = 200
_HASHES_AT_ONCE = 2

# OWASP's smallest Argon2id setting; one hash takes 19 MiB, so only a few are made at once.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
_turns = threading.BoundedSemaphore(_HASHES_AT_ONCE)


def check(password: str, *, about: tuple[str, ...] = ()) -> None:
    """Refuse a password that is too short, too long, well known, or one of `about` (name, mail address).

    Raises `RuleBroken` on the field `password`. Digits and signs are not asked for: length is what helps.
    """
    folded = password.casefold()
    if len(password) < SHORTEST:
        raise RuleBroken(
            "Take at least %(count)d characters; three or four words do well.",
            count=SHORTEST,
            field="password",
        )
    if len(password) > LONGEST:
        raise RuleBroken("Take at most %(count)d characters.", count=LONGEST, field="password")
    if folded in _common() or len(set(folded)) < 4 or folded in {text.casefold() for text in about}:
        raise RuleBroken("Many people would guess this one. Take another.", field="password")


def make_hash(password: str) -> str:
    """Hash a password with Argon2id; waits while others do."""
    with _turns:
        return _hasher.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether `password` made `stored`. Without a stored hash it costs the same and is wrong."""
    if len(password) > LONGEST:
        return False
    with _turns:
        try:
            return _hasher.verify(stored or _dummy(), password)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(stored)


@cache
def _common() -> frozenset[str]:
    """Passwords of ten characters and more that are tried first, in lower case."""
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split())


def _dummy() -> str:
    """A hash of nothing under today's settings, for accounts that do not exist."""
    salt, tag = b64encode(bytes(16)).rstrip(b"="), b64encode(bytes(32)).rstrip(b"=")
    settings = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${settings}${salt.decode()}${tag.decode()}"
