"""Sealing what the database must not tell: AES-GCM and keyed tags, keys derived from the secret key."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from sneaky.core.errors import SneakyError

_VERSION = b"\x01"
_NONCE_BYTES = 12
_FINGERPRINT_BYTES = 4
KEYRING = "sneaky.keyring"


class CannotUnseal(SneakyError):
    """A sealed value cannot be opened: the secret key is not the one that sealed it."""


@lru_cache(maxsize=64)
def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"sneaky-klaus:{purpose}".encode()).derive(
        secret
    )


@dataclass(frozen=True, repr=False)
class Keyring:
    """The secret key and the older ones that may still open what they sealed."""

    current: bytes
    older: tuple[bytes, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Eight hex digits that name the current key without telling it."""
        return _derive(self.current, "fingerprint")[:_FINGERPRINT_BYTES].hex()

    def key(self, purpose: str) -> bytes:
        """A 256-bit key for one purpose, derived from the current secret (HKDF, RFC 5869)."""
        return _derive(self.current, purpose)

    def seal(self, plain: str, *, context: str) -> bytes:
        """Encrypt `plain`; `context` (purpose and row) must be the same to open it again."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + bytes.fromhex(self.fingerprint)
        body = AESGCM(self.key("seal")).encrypt(nonce, plain.encode(), head + context.encode())
        return head + nonce + body

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """Open what `seal` made, with the current or an older key; raises `CannotUnseal`."""
        cut = len(_VERSION) + _FINGERPRINT_BYTES
        head, nonce, body = sealed[:cut], sealed[cut : cut + _NONCE_BYTES], sealed[cut + _NONCE_BYTES :]
        for secret in (self.current, *self.older):
            if _VERSION + _derive(secret, "fingerprint")[:_FINGERPRINT_BYTES] != head:
                continue
            try:
                return AESGCM(_derive(secret, "seal")).decrypt(nonce, body, head + context.encode()).decode()
            except InvalidTag:
                break
        raise CannotUnseal

    def tag(self, purpose: str, *parts: str) -> bytes:
        """A keyed hash (HMAC-SHA-256) of `parts`: equal input is recognised, nothing is told."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self.key(f"tag:{purpose}"), message, "sha256")


def keyring() -> Keyring:
    """The keyring of the running app."""
    ring: Keyring = current_app.extensions[KEYRING]
    return ring
