"""From content to subject, plain text and HTML: the templates of a letter, filled in and inlined."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

from css_inline import CSSInliner
from flask_babel import get_locale, get_translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from sneaky.core.settings import settings
from sneaky.letters import wording
from sneaky.letters.content import Content

TEMPLATES = Path(__file__).parent / "templates"
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


def write(content: Content) -> tuple[str, str, str]:
    """Fill in the three templates of a letter, in the language that is spoken right now."""
    given = {name: getattr(content, name) for name in content.__dataclass_fields__}
    given |= {"host": settings().host, "home": settings().base_url, "language": str(get_locale())}
    subject = _filled(content, "subject.txt", given)
    text = _filled(content, "body.txt", given)
    page = _filled(content, "body.html", given | {"subject": subject})
    return subject.strip(), _MANY_BLANK_LINES.sub("\n\n", text.strip()) + "\n", _inliner().inline(page)


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
        lasting=wording.length,
        on_day=lambda text: wording.day(date.fromisoformat(text)),
    )
    return environment


@cache
def _inliner() -> CSSInliner:
    """Mail programs read styles from attributes; the sheet for dark mode stays, since it cannot be one."""
    return CSSInliner(load_remote_stylesheets=False)
