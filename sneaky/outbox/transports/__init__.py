"""The ways letters leave: SMTP, Resend, the console, a folder, and memory for tests."""

from __future__ import annotations

import importlib
from urllib.parse import urlsplit

from sneaky.core.settings import Settings
from sneaky.outbox.transports.base import Transport

_MODULES = {"smtp": "smtp", "smtps": "smtp", "resend": "resend", "console": "console", "file": "file"}


def from_settings(settings: Settings) -> Transport:
    """The transport that `mail_url` names; nothing is opened yet, and none of the others is loaded."""
    name = _MODULES[urlsplit(settings.mail_url).scheme]
    module = importlib.import_module(f"sneaky.outbox.transports.{name}")
    transport: Transport = module.from_settings(settings)
    return transport
