"""Another host to restore to, on either database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sneaky.core.settings import Settings
from tests.upkeep.lives import elsewhere


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def other_host(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Settings:
    """Settings of another host with the same key and an empty database."""
    url = str(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else ""
    return elsewhere(settings, tmp_path / "other", url)
