"""Unguessable ids, and tokens that are derived from a key and so need not be stored."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence

# Crockford's alphabet without vowels and look-alikes: easy to read out, and no words by accident.
_CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 8


def new_public_id() -> str:
    """An id for URLs: 128 random bits, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def new_nonce() -> str:
    """The random half of a derived token: 128 bits, 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def derive_code(key: bytes, *parts: str) -> str:
    """Derive a code to type: 8 characters of 28 (38 bits), for short-lived use under a rate limit."""
    number = int.from_bytes(_mac(key, parts))
    code = ""
    for _ in range(_CODE_LENGTH):
        number, place = divmod(number, len(_CODE_ALPHABET))
        code += _CODE_ALPHABET[place]
    return code


def normalise_code(typed: str) -> str:
    """What a person typed as a code, without spaces, dashes and case."""
    return "".join(typed.split()).replace("-", "").upper()


def derive(key: bytes, *parts: str) -> str:
    """Derive a 256-bit URL-safe token from `key` and `parts`; the same input gives the same token."""
    return urlsafe_b64encode(_mac(key, parts)).rstrip(b"=").decode()


def digest(token: str) -> str:
    """SHA-256 of a token as hex: what the database may hold."""
    return hashlib.sha256(token.encode()).hexdigest()


def equal(one: str, other: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _mac(key: bytes, parts: Sequence[str]) -> bytes:
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.digest(key, message, "sha256")
