"""Which language a page speaks: what the person chose, else what the browser prefers, else the default."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, get_translations
from markupsafe import Markup

from sneaky.core.settings import Settings, settings
from sneaky.web.guards import browser_session, organizer_or_none, participant_or_none

LANGUAGES = {"en": "English", "de": "Deutsch"}
_CHOSEN = "language"


def init_app(app: Flask, settings: Settings) -> None:
    """Let Flask-Babel ask us for the language of each request, and pages look their words up our way."""
    Babel(app, default_locale=settings.default_locale, default_timezone="UTC", locale_selector=select)
    app.jinja_env.globals.update(_=_word, gettext=_word, ngettext=_words)


def select() -> str:
    """The language of this request; outside of one, the default. An error page asks only the browser."""
    if not has_request_context():
        return settings().default_locale
    return _of_person() or _of_browser() or settings().default_locale


def choose(code: str) -> bool:
    """Remember the language in this browser; False for one we do not speak."""
    if code not in LANGUAGES:
        return False
    browser_session()[_CHOSEN] = code
    return True


def choices() -> list[tuple[str, str, bool]]:
    """Every language as (code, its own name, whether this page speaks it)."""
    current = str(get_locale())
    return [(code, name, code == current) for code, name in LANGUAGES.items()]


def _word(text: str, **values: object) -> Markup:
    """A text of a page in its language; `values` are escaped."""
    return _filled(_translations().gettext(text), values)


def _words(singular: str, plural: str, num: int, **values: object) -> Markup:
    """A text of a page that counts, in its language; `num` is also among the values."""
    return _filled(_translations().ngettext(singular, plural, num), {"num": num, **values})


def _filled(text: str, values: dict[str, object]) -> Markup:
    markup = Markup(text)  # noqa: S704  (our own words; what fills them is escaped)
    return markup % values if "%" in text else markup


def _translations() -> Any:
    """The words of this page's language, found once; Flask-Babel would look for them at every word."""
    try:
        return g.translations
    except AttributeError:
        g.translations = get_translations()
        return g.translations


def _of_browser() -> str | None:
    """The language the browser likes best among ours; `de-AT` is German to us."""
    liked = (code.partition("-")[0].lower() for code in request.accept_languages.values())
    return next((code for code in liked if code in LANGUAGES), None)


def _of_person() -> str | None:
    if "asks_nobody" in g:
        return None
    chosen: str | None = browser_session().get(_CHOSEN)
    people = (participant_or_none(), organizer_or_none())
    return chosen or next((person.locale for person in people if person and person.locale), None)
