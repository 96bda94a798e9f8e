"""One running instance serves every test of trust; what they need in it they add to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sneaky.core.settings import load
from tests.trust.instance import Instance


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Instance]:
    """A running instance; nobody has set it up."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(empty_database, folder / "sneaky.db")
    values, _warnings = load(
        {
            "SNEAKY_DATA_DIR": str(folder),
            "SNEAKY_SECRET_KEY": "0123456789abcdef" * 4,
            "SNEAKY_MAIL_URL": f"file:{folder / 'letters'}",
        }
    )
    instance = Instance(values)
    yield instance
    instance.end()


@pytest.fixture
def instance(served: Instance) -> Iterator[Instance]:
    """The running instance; the test reads and writes its database."""
    with served.inside():
        yield served
