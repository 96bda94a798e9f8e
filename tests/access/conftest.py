"""What tests of access start from."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, profiles
from flask import Flask

from sneaky.access import passwords
from tests.factories import a_participant, an_exchange


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the cheapest settings, so that tests do not wait for what protects people."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profiles.CHEAPEST))


@pytest.fixture
def ann(app: Flask) -> int:
    """Somebody who takes part in one exchange."""
    return a_participant(an_exchange(name="Family Christmas"), name="Ann", email="ann@example.org")
