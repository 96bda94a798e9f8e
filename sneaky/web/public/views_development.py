"""Pages of a development instance: the letters it wrote, and every piece of the look."""

from __future__ import annotations

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from sneaky.core.errors import NotFound
from sneaky.core.settings import settings
from sneaky.outbox.transports.file import StoredLetter, folder_of, letters_in
from sneaky.web import samples
from sneaky.web.public import blueprint

_SHOWN = 25
# Mail programs need styles in the letter itself; nothing else may run or load there.
_FOR_LETTERS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
)


@blueprint.get("/mailbox")
def mailbox() -> ResponseReturnValue:
    """The newest letters that went to the folder; older ones stay there as files."""
    return render_template("public/mailbox.html", letters=_letters()[:_SHOWN])


@blueprint.get("/mailbox/<name>")
def mailbox_letter(name: str) -> ResponseReturnValue:
    """One letter as a mail program shows it."""
    for letter in _letters():
        if letter.name == name:
            return Response(letter.html, headers={"Content-Security-Policy": _FOR_LETTERS})
    raise NotFound


@blueprint.get("/styleguide")
def styleguide() -> ResponseReturnValue:
    """Everything a page is made of."""
    _only_for_developers()
    return render_template("styleguide.html", **samples.styleguide())


def _letters() -> list[StoredLetter]:
    _only_for_developers()
    folder = folder_of(settings())
    return letters_in(folder) if folder else []


def _only_for_developers() -> None:
    if not settings().is_development:
        raise NotFound
