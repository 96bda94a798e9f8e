"""Every letter we write, with sample data: to read, and as a mail program shows it."""

from __future__ import annotations

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from sneaky.core.errors import NotFound
from sneaky.letters import catalogue
from sneaky.models import LetterKind
from sneaky.outbox.message import Rendered
from sneaky.web.guards import admin_only
from sneaky.web.locales import LANGUAGES
from sneaky.web.operations import blueprint

# Mail programs need styles in the letter itself; nothing else may run or load there.
_FOR_LETTERS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)


@blueprint.get("/operations/letters")
@admin_only
def letters() -> ResponseReturnValue:
    """All kinds of letters with their subjects."""
    subjects = {kind: catalogue.preview(kind, _language()).subject for kind in LetterKind}
    return render_template(
        "operations/letters.html", subjects=subjects, language=_language(), choices=LANGUAGES
    )


@blueprint.get("/operations/letters/<kind>")
@admin_only
def letter(kind: str) -> ResponseReturnValue:
    """One letter: its subject and its plain text."""
    return render_template(
        "operations/letter.html", kind=kind, sample=_letter(kind), language=_language(), choices=LANGUAGES
    )


@blueprint.get("/operations/letters/<kind>/html")
@admin_only
def letter_html(kind: str) -> ResponseReturnValue:
    """One letter as a mail program shows it."""
    return Response(_letter(kind).html, headers={"Content-Security-Policy": _FOR_LETTERS})


def _letter(kind: str) -> Rendered:
    if kind not in list(LetterKind):
        raise NotFound
    return catalogue.preview(LetterKind(kind), _language())


def _language() -> str:
    asked = request.args.get("language", "")
    return asked if asked in LANGUAGES else str(get_locale())
