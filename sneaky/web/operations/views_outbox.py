"""The outbox: what waits, what could not be delivered, and what to do about it."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from sneaky.executions import overrides
from sneaky.executions.overrides import Override
from sneaky.models import LetterKind, LetterState
from sneaky.outbox import queue, trial
from sneaky.web.forms import form_page
from sneaky.web.guards import admin_only, current_organizer
from sneaky.web.operations import blueprint
from sneaky.web.operations.answers import done
from sneaky.web.operations.forms import HoldForm
from sneaky.web.organizer.asked import page_number, search_words

_LARGEST_ID = 2**63 - 1
_ITS_JOB = "deliver_letters"


@blueprint.get("/operations/outbox")
@admin_only
def outbox() -> ResponseReturnValue:
    """How the outbox stands, and its letters; a page that looks again gets the figures alone."""
    if "HX-Request" in request.headers:
        return render_template("operations/_outbox.html", counts=queue.counts())
    return _outbox_page(HoldForm(formdata=None))


@blueprint.post("/operations/outbox/hold")
@admin_only
def hold() -> ResponseReturnValue:
    """Keep every letter back."""
    form = HoldForm()
    if form.validate_on_submit():
        queue.hold(form.reason.data or "")
        return done(_("Every letter waits now. New ones queue up behind."), url_for(".outbox"))
    return _outbox_page(form)


@blueprint.post("/operations/outbox/resume")
@admin_only
def release() -> ResponseReturnValue:
    """Let letters go again."""
    queue.resume()
    return done(_("Letters go out again."), url_for(".outbox"))


@blueprint.post("/operations/outbox/retry")
@admin_only
def retry_letters() -> ResponseReturnValue:
    """Try one letter again, or every undeliverable one."""
    number = queue.retry(_pressed())
    told = ngettext(
        "%(num)d letter is tried again now, unless it is out of date.",
        "%(num)d letters are tried again now, except those that are out of date.",
        number,
    )
    return done(told, _back(), letters=number)


@blueprint.post("/operations/outbox/discard")
@admin_only
def discard_letters() -> ResponseReturnValue:
    """Take one letter out, or every undeliverable one."""
    number = queue.discard(_pressed())
    told = ngettext("%(num)d letter is taken out.", "%(num)d letters are taken out.", number)
    return done(told, _back(), letters=number)


@blueprint.post("/operations/outbox/test-letter")
@admin_only
def test_letter() -> ResponseReturnValue:
    """Send the admin a letter, to see whether letters arrive."""
    admin = current_organizer()
    trial.ask_for_test_letter(admin.email, organizer_id=admin.id)
    return done(_("A test letter goes to %(email)s now.", email=admin.email), url_for(".outbox"))


def _outbox_page(form: HoldForm) -> ResponseReturnValue:
    chosen = _chosen()
    state, kind = chosen.get("state"), chosen.get("kind")
    return form_page(
        "operations/outbox.html",
        form,
        counts=queue.counts(),
        page=queue.page(
            LetterState(state) if state else None,
            page_number(),
            kind=LetterKind(kind) if kind else None,
            search=chosen.get("q", ""),
        ),
        chosen=chosen,
        kinds=list(LetterKind),
        held_reason=queue.held_reason(),
        is_paused=overrides.all_of_them().get(_ITS_JOB, Override()).is_paused,
        pause=queue.pause_now(),
        is_proven=queue.is_mail_proven(),
    )


def _pressed() -> list[int] | None:
    """The letter that the pressed button names; None for every undeliverable one."""
    if "all" in request.form:
        return None
    return [min(max(request.form.get("letter", 0, type=int), 0), _LARGEST_ID)]


def _chosen() -> dict[str, Any]:
    """What the address narrows the list to, without what is left open or makes no sense."""
    asked = {
        "state": request.args.get("state", "", type=LetterState),
        "kind": request.args.get("kind", "", type=LetterKind),
        "q": search_words(),
    }
    return {name: str(value) for name, value in asked.items() if value}


def _back() -> str:
    return url_for(".outbox", **_chosen())
