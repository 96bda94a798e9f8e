"""Sealing what the database must not tell: AES-GCM and keyed tags, keys derived from the secret key."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app
from sqlalchemy import ColumnElement, LargeBinary, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from sneaky.core.errors import SneakyError
from sneaky.core.key_file import WatchedKeyFile
from sneaky.core.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE_BYTES = 12
_FINGERPRINT_BYTES = 4
_HEAD_BYTES = len(_VERSION) + _FINGERPRINT_BYTES
KEYRING = "sneaky.keyring"
KEY_FILE = "sneaky.key-file"


class CannotUnseal(SneakyError):
    """A sealed value cannot be opened: the secret key is not the one that sealed it."""


@lru_cache(maxsize=64)
def _derive(secret: bytes, purpose: str) -> bytes:
    """HKDF with SHA-256 (RFC 5869) and no salt: 32 bytes are its first block."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, f"sneaky-klaus:{purpose}\x01".encode(), "sha256")


def _cipher(key: bytes) -> AESGCM:
    """AES-GCM, loaded with the first seal: an idle process does without its four MiB."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


@dataclass(frozen=True, repr=False)
class Keyring:
    """The secret key and the older ones that may still open what they sealed."""

    current: bytes
    older: tuple[bytes, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Eight hex digits that name the current key without telling it."""
        return _derive(self.current, "fingerprint")[:_FINGERPRINT_BYTES].hex()

    def each(self) -> Iterator[Keyring]:
        """The current key alone, then each older one as if it were current: for what a key has derived."""
        yield Keyring(self.current)
        for older in self.older:
            yield Keyring(older)

    def key(self, purpose: str) -> bytes:
        """A 256-bit key for one purpose, derived from the current secret (HKDF, RFC 5869)."""
        return _derive(self.current, purpose)

    @cached_property
    def seal_head(self) -> bytes:
        """The bytes with which everything begins that the current key has sealed."""
        return _VERSION + bytes.fromhex(self.fingerprint)

    def seal(self, plain: str, *, context: str) -> bytes:
        """Encrypt `plain`; `context` (purpose and row) must be the same to open it again."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = _cipher(self.key("seal")).encrypt(nonce, plain.encode(), self.seal_head + context.encode())
        return self.seal_head + nonce + body

    def unseal(self, sealed: bytes, *, context: str) -> str:
        """Open what `seal` made, with the current or an older key; raises `CannotUnseal`."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (see above)

        start = _HEAD_BYTES + _NONCE_BYTES
        head, nonce, body = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:start], sealed[start:]
        for secret in (self.current, *self.older):
            if _VERSION + _derive(secret, "fingerprint")[:_FINGERPRINT_BYTES] != head:
                continue
            try:
                return _cipher(_derive(secret, "seal")).decrypt(nonce, body, head + context.encode()).decode()
            except InvalidTag:
                break
        raise CannotUnseal

    def tag(self, purpose: str, *parts: str) -> bytes:
        """A keyed hash (HMAC-SHA-256) of `parts`: equal input is recognised, nothing is told."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self.key(f"tag:{purpose}"), message, "sha256")


def fingerprint_of_seal(sealed: bytes) -> str:
    """The fingerprint of the key that has sealed a value."""
    return sealed[len(_VERSION) : _HEAD_BYTES].hex()


def keyring() -> Keyring:
    """The keyring of the running app; one that comes from the key file is as new as that.

    Ask for it anew in each piece of work: somebody may be changing the key while the app runs.
    """
    extensions = current_app.extensions
    file: WatchedKeyFile | None = extensions.get(KEY_FILE)
    if file is not None and (keys := file.keys_if_changed()):
        extensions[KEYRING] = Keyring(keys[0], keys[1:])
    ring: Keyring = extensions[KEYRING]
    return ring


class SigningKeys:
    """The keys of one purpose for itsdangerous: the current one is the last and signs, all of them verify."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose

    def __iter__(self) -> Iterator[bytes]:
        """The keys of this moment."""
        return reversed([ring.key(self._purpose) for ring in keyring().each()])


def is_sealed_otherwise(sealed: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """The condition that another key than the current one has sealed a column's value."""
    head = keyring().seal_head
    return func.substr(sealed, 1, len(head), type_=LargeBinary) != head


def sealed_otherwise(
    key: InstrumentedAttribute[Any],
    sealed: InstrumentedAttribute[Any],
    *more: InstrumentedAttribute[Any],
    after: object,
    number: int,
) -> Select[Any]:
    """The next `number` rows past the key `after` that want sealing anew: key, sealed value, and `more`.

    They are locked; what others hold is left for the next look, so that nobody waits for each other.
    """
    return (
        select(key, sealed, *more)
        .where(key > after, is_sealed_otherwise(sealed))
        .order_by(key)
        .limit(number)
        .with_for_update(skip_locked=True)
    )


def init_app(app: Flask, settings: Settings) -> None:
    """Give the app its keyring, and Flask the keys for what it signs."""
    app.extensions[KEYRING] = Keyring(settings.secret_key, settings.earlier_keys)
    if settings.key_file is not None:
        app.extensions[KEY_FILE] = WatchedKeyFile(settings.key_file, settings.old_secret_keys)
    app.config["WTF_CSRF_SECRET_KEY"] = SigningKeys("form-token")
