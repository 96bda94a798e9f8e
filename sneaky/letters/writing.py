"""From content to subject, plain text and HTML: the templates of a letter, filled in and inlined."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from flask_babel import get_locale, get_translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from sneaky.core.settings import settings
from sneaky.executions.explain import explain
from sneaky.letters import wording
from sneaky.letters.content import Content

if TYPE_CHECKING:
    from css_inline import CSSInliner

TEMPLATES = Path(__file__).parent / "templates"
# Stand for what is the reader's own; no text can hold them, since names are kept to printable characters.
_NAME, _LINK, _UNSUBSCRIBE = "\ue000name\ue001", "\ue000link\ue001", "\ue000unsubscribe\ue001"
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


def write(content: Content) -> tuple[str, str, str]:
    """Fill in the three templates of a letter, in the language that is spoken right now.

    Letters to many differ in the reader's name and links only, so the rest is written once for all of them.
    """
    blank = replace(
        content,
        name=content.name and _NAME,
        link=content.link and _LINK,
        unsubscribe_link=content.unsubscribe_link and _UNSUBSCRIBE,
    )
    subject, text, html = _written(blank, str(get_locale()), settings().base_url)
    own = {_NAME: content.name, _LINK: content.link, _UNSUBSCRIBE: content.unsubscribe_link or ""}
    for mark, words in own.items():
        text, html = text.replace(mark, words), html.replace(mark, escape(words))
    return subject, text, html


@lru_cache(maxsize=64)
def _written(content: Content, language: str, home: str) -> tuple[str, str, str]:
    given = {name: getattr(content, name) for name in content.__dataclass_fields__}
    given |= {"language": language, "home": home, "host": home.partition("//")[2]}
    subject = _filled(content, "subject.txt", given).strip()
    text = _filled(content, "body.txt", given).strip()
    page = _filled(content, "body.html", given | {"subject": subject})
    return subject, _MANY_BLANK_LINES.sub("\n\n", text) + "\n", _inliner().inline(page)


def _filled(content: Content, part: str, given: dict[str, object]) -> str:
    return _environment().get_template(f"{content.kind.value}/{part}").render(given)


@cache
def _environment() -> Environment:
    """A Jinja of our own: letters know nothing of pages, and miss no variable in silence."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: get_translations().ugettext(text),
        lambda one, many, number: get_translations().ungettext(one, many, number),
        newstyle=True,
    )
    environment.filters.update(
        changes=wording.changes,
        explained=explain,
        lasting=wording.length,
        on_day=lambda text: wording.day(date.fromisoformat(text)),
    )
    return environment


@cache
def _inliner() -> CSSInliner:
    """Mail programs read styles from attributes; the sheet for dark mode stays, since it cannot be one.

    Loaded with the first letter that is written.
    """
    from css_inline import CSSInliner  # noqa: PLC0415

    return CSSInliner(load_remote_stylesheets=False)
