"""The settings in force, and what about them an admin should look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask_babel import gettext as _

from sneaky.core.settings import PREFIX, Settings, documented

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Setting:
    """One setting as it may be shown: a secret only says whether it is set."""

    variable: str
    value: str
    help: str
    is_secret: bool


@dataclass(frozen=True)
class Advice:
    """Something to look at: which variable, and why."""

    variable: str
    text: str


def settings_in_force(settings: Settings) -> list[Setting]:
    """Every setting with its present value, in the order of README."""
    shown = settings.redacted()
    return [
        Setting(
            entry.variable, shown[entry.variable.removeprefix(PREFIX).lower()], _(entry.help), entry.is_secret
        )
        for entry in documented()
    ]


def advice(settings: Settings) -> list[Advice]:
    """What may surprise people about these settings; an empty list where nothing does."""
    return [*_about_the_address(settings), *_about_mail(settings), *_about_running(settings)]


def _about_the_address(settings: Settings) -> Iterator[Advice]:
    is_local = urlsplit(settings.base_url).hostname in _LOOPBACK
    if is_local:
        text = _("Links in letters only open on this very machine. Set the address that people use.")
        yield Advice("SNEAKY_BASE_URL", text)
    elif not settings.is_https:
        text = _("People come without https, so anybody between them and us can read along.")
        yield Advice("SNEAKY_BASE_URL", text)
    if settings.is_https and not settings.trusted_proxies:
        text = _(
            "Behind a proxy every visitor seems to come from one address. Say how many proxies there are."
        )
        yield Advice("SNEAKY_TRUSTED_PROXIES", text)


def _about_mail(settings: Settings) -> Iterator[Advice]:
    transport = urlsplit(settings.mail_url).scheme
    if transport in {"console", "file"}:
        yield Advice("SNEAKY_MAIL_URL", _("Letters are only written down here and reach nobody."))
    elif "@example." in settings.mail_from:
        text = _("The sender's address is the example of the manual. Most servers refuse it.")
        yield Advice("SNEAKY_MAIL_FROM", text)
    if transport == "resend" and not settings.resend_webhook_secret:
        text = _("Letters that come back after Resend took them stay unnoticed. Set up its webhook.")
        yield Advice("SNEAKY_RESEND_WEBHOOK_SECRET", text)


def _about_running(settings: Settings) -> Iterator[Advice]:
    if settings.is_development:
        text = _("This is a development instance: anybody can read every letter in its mailbox.")
        yield Advice("SNEAKY_ENV", text)
    if settings.scheduler == "off":
        text = _("This process never runs the clock. Make sure that another one does.")
        yield Advice("SNEAKY_SCHEDULER", text)
