"""Which language a page speaks: what the person chose, else what the browser prefers, else the default."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from babel import Locale
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, get_translations
from markupsafe import Markup, escape

from sneaky.core.settings import Settings, settings
from sneaky.web.guards import browser_session, organizer_or_none, participant_or_none
from sneaky.web.session_interface import LANGUAGE

LANGUAGES = {"en": "English", "de": "Deutsch"}


class Dictionary(dict[str, Markup]):
    """The plain texts of pages in one language, each translated when it is first asked for."""

    def __init__(self, translations: Any) -> None:
        self.translations = translations

    def __missing__(self, text: str) -> Markup:
        translated = self[text] = _filled(self.translations.gettext(text), {})
        return translated


def init_app(app: Flask, settings: Settings) -> None:
    """Let Flask-Babel ask us for the language of each request, and pages look their words up our way."""
    Babel(app, default_locale=settings.default_locale, default_timezone="UTC", locale_selector=select)
    app.jinja_env.globals.update(_=word, gettext=word, ngettext=_words)


def select() -> Locale:
    """The language of this request; outside of one, the default. An error page asks only the browser."""
    code = asked_for() if has_request_context() else None
    return _locale(code or settings().default_locale)


def asked_for() -> str | None:
    """The language that the person or the browser of this request names; None: neither names one of ours."""
    return _of_person() or _of_browser()


def choose(code: str) -> bool:
    """Remember the language in this browser; False for one we do not speak."""
    if code not in LANGUAGES:
        return False
    browser_session()[LANGUAGE] = code
    return True


def prefer(code: str | None, *, before: str | None) -> None:
    """Let a language that somebody saved as their own count here too; None: as the browser says."""
    if code or code != before:
        browser_session().pop(LANGUAGE, None)


def choices() -> list[tuple[str, str, bool]]:
    """Every language as (code, its own name, whether this page speaks it)."""
    current = str(get_locale())
    return [(code, name, code == current) for code, name in LANGUAGES.items()]


def word(text: str, **values: object) -> Markup:
    """A text of a page in its language; `values` are escaped."""
    if not values:
        return _dictionary()[text]
    return _filled(_dictionary().translations.gettext(text), values)


def _words(singular: str, plural: str, num: int, **values: object) -> Markup:
    """A text of a page that counts, in its language; `num` is also among the values."""
    text = _dictionary().translations.ngettext(singular, plural, num)
    return _filled(text, {"num": num, **values})


def _filled(text: str, values: dict[str, object]) -> Markup:
    if "%" in text:
        safe = {name: value if type(value) is int else escape(value) for name, value in values.items()}
        text %= safe
    return Markup(text)  # noqa: S704  (our own words; what fills them is escaped)


@lru_cache(maxsize=len(LANGUAGES))
def dictionary_of(translations: Any) -> Dictionary:
    """The plain texts of one language, given what gettext loaded for it."""
    return Dictionary(translations)


def _dictionary() -> Dictionary:
    """The words of this page's language, found once a page; Flask-Babel would look for them at every text."""
    try:
        found: Dictionary = g.dictionary
    except AttributeError:
        found = g.dictionary = dictionary_of(get_translations())
    return found


@cache
def _locale(code: str) -> Locale:
    """Read once: Flask-Babel would do so at each request."""
    return Locale.parse(code)


def _of_browser() -> str | None:
    """The language the browser likes best among ours; `de-AT` is German to us."""
    liked = (code.partition("-")[0].lower() for code in request.accept_languages.values())
    return next((code for code in liked if code in LANGUAGES), None)


def _of_person() -> str | None:
    if "asks_nobody" in g:
        return None
    chosen: str | None = browser_session().get(LANGUAGE)
    people = (participant_or_none(), organizer_or_none())
    return chosen or next((person.locale for person in people if person and person.locale), None)
