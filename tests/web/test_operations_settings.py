"""The settings in force: shown without secrets, with advice where they may surprise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from sneaky.core.settings import Settings, documented
from sneaky.web.operations.advice import advice
from tests.web.admin import an_admins_browser, code

PAGE = "/operations/settings"


@pytest.fixture
def good(settings: Settings) -> Settings:
    """Settings of an instance that is served in earnest."""
    return replace(
        settings,
        base_url="https://klaus.example.org",
        trusted_proxies=1,
        mail_url="smtp://mail.example.org",
        mail_from="Klaus <klaus@kringle.org>",
        scheduler="auto",
    )


def test_settings_are_shown_without_their_secrets(app_with: Callable[..., Flask]) -> None:
    app = app_with(mail_url="smtp://olga:hunter2@mail.example.org", metrics_token="t0ps3cret" * 4)
    page = an_admins_browser(app).get(PAGE).text
    for entry in documented():
        assert code(entry.variable) in page
    for secret in ("hunter2", "t0ps3cret", "0123456789abcdef"):
        assert secret not in page


@pytest.mark.usefixtures("app")
def test_good_settings_need_no_advice(good: Settings) -> None:
    assert advice(good) == []


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"base_url": "http://127.0.0.1:8000"}, "SNEAKY_BASE_URL"),
        ({"base_url": "http://klaus.example.org"}, "SNEAKY_BASE_URL"),
        ({"trusted_proxies": 0}, "SNEAKY_TRUSTED_PROXIES"),
        ({"mail_url": "console:"}, "SNEAKY_MAIL_URL"),
        ({"mail_url": "file:/tmp/letters"}, "SNEAKY_MAIL_URL"),
        ({"mail_from": "Sneaky Klaus <klaus@example.org>"}, "SNEAKY_MAIL_FROM"),
        ({"mail_url": "resend://re_key"}, "SNEAKY_RESEND_WEBHOOK_SECRET"),
        ({"scheduler": "off"}, "SNEAKY_SCHEDULER"),
        ({"env": "development"}, "SNEAKY_ENV"),
    ],
)
def test_one_odd_setting_is_pointed_out(good: Settings, changes: dict[str, str | int], variable: str) -> None:
    assert [item.variable for item in advice(replace(good, **changes))] == [variable]  # type: ignore[arg-type]


def test_advice_stands_on_the_page(app: Flask) -> None:
    page = an_admins_browser(app).get(PAGE).text
    assert f"{code('SNEAKY_SCHEDULER')}: This process never runs the clock." in page
