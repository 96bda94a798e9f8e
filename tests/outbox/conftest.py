"""What tests of the outbox share: certificates and settings for a mail server of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from sneaky.core.crypto import KEYRING, Keyring
from sneaky.core.settings import EXTENSION, Settings
from tests.certificates import Authority, an_authority

Reconfigure = Callable[..., Settings]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the settings of a test may trust with `?ca=`."""
    return an_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def bare_app(settings: Settings) -> Iterator[Flask]:
    """Settings and keys without database, pages and clock: all that a transport needs, and much faster."""
    app = Flask("bare")
    app.extensions[EXTENSION] = settings
    app.extensions[KEYRING] = Keyring(settings.secret_key)
    with app.app_context():
        yield app


@pytest.fixture
def reconfigure(app: Flask) -> Reconfigure:
    """Change settings of the running app."""

    def change(**values: Any) -> Settings:
        changed: Settings = replace(app.extensions[EXTENSION], **values)
        app.extensions[EXTENSION] = changed
        return changed

    return change
