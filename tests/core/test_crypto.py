"""Sealing: opens with the right key and context only, survives rotation, tells nothing."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask

from sneaky.core import tokens
from sneaky.core.crypto import CannotUnseal, Keyring, keyring

OLD, NEW = b"o" * 32, b"n" * 32


@pytest.mark.parametrize("purpose", ["seal", "fingerprint", "tag:ü"])
def test_keys_are_derived_as_rfc_5869_says(purpose: str) -> None:
    theirs = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"sneaky-klaus:{purpose}".encode())
    assert Keyring(OLD).key(purpose) == theirs.derive(OLD)


def test_sealed_value_opens_with_its_context(app: Flask) -> None:
    sealed = keyring().seal("Zoë, 4th floor", context="address:7")
    assert keyring().unseal(sealed, context="address:7") == "Zoë, 4th floor"
    assert "Zoë".encode() not in sealed


def test_other_context_key_or_changed_bytes_do_not_open() -> None:
    sealed = Keyring(OLD).seal("secret", context="a")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for ring, value, context in (
        (Keyring(OLD), sealed, "b"),
        (Keyring(NEW), sealed, "a"),
        (Keyring(OLD), changed, "a"),
        (Keyring(OLD), b"", "a"),
    ):
        with pytest.raises(CannotUnseal, match="the secret key is not the one"):
            ring.unseal(value, context=context)


def test_older_key_still_opens_and_the_new_one_seals() -> None:
    rotated = Keyring(NEW, (OLD,))
    assert rotated.unseal(Keyring(OLD).seal("x", context="a"), context="a") == "x"
    assert Keyring(NEW).unseal(rotated.seal("y", context="a"), context="a") == "y"


def test_same_text_seals_differently_each_time() -> None:
    ring = Keyring(OLD)
    assert len({ring.seal("x", context="a") for _ in range(100)}) == 100


def test_tags_depend_on_purpose_key_and_where_parts_end() -> None:
    ring = Keyring(OLD)
    tags = {
        ring.tag("m", "a", "bc"),
        ring.tag("m", "ab", "c"),
        ring.tag("n", "a", "bc"),
        Keyring(NEW).tag("m", "a", "bc"),
    }
    assert len(tags) == 4
    assert ring.tag("m", "a", "bc") == ring.tag("m", "a", "bc")


def test_keyring_never_shows_its_keys() -> None:
    assert "ooo" not in repr(Keyring(OLD))


def test_tokens_are_derived_and_unguessable() -> None:
    assert tokens.derive(OLD, "a", "bc") == tokens.derive(OLD, "a", "bc")
    assert tokens.derive(OLD, "a", "bc") != tokens.derive(OLD, "ab", "c")
    assert len(tokens.derive(OLD, "a")) == 43
    assert len({tokens.new_public_id() for _ in range(1000)}) == 1000
    assert len(tokens.new_nonce()) == 22
    assert tokens.digest("x") == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert tokens.equal("ä", "ä")
    assert not tokens.equal("a", "b")


def test_typed_codes_forgive_case_and_spacing() -> None:
    code = tokens.derive_code(b"key", "nonce")
    assert len(code) == 8
    assert tokens.normalise_code(f" {code[:4].lower()}-{code[4:]} ") == code
