"""An empty database of each kind, and an engine for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from sneaky.core.db import engine_options, normalise_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'new.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine for it, closed in the end."""
    engine = create_engine(normalise_url(url), **engine_options(url))
    yield engine
    engine.dispose()
