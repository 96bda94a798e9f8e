"""The ways letters leave: SMTP, Resend, the console, a folder, and memory for tests."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from sneaky.core.settings import Settings
from sneaky.outbox.transports import console, file, resend, smtp
from sneaky.outbox.transports.base import Transport

_BY_SCHEME: dict[str, Callable[[Settings], Transport]] = {
    "smtp": smtp.from_settings,
    "smtps": smtp.from_settings,
    "resend": resend.from_settings,
    "console": console.from_settings,
    "file": file.from_settings,
}


def from_settings(settings: Settings) -> Transport:
    """The transport that `mail_url` names; nothing is opened yet."""
    return _BY_SCHEME[urlsplit(settings.mail_url).scheme](settings)
