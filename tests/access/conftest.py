"""What tests of access start from."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, profiles

from sneaky.access import passwords


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the cheapest settings, so that tests do not wait for what protects people."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profiles.CHEAPEST))
