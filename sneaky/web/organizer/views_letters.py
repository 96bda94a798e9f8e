"""What goes out: the ledger of letters, letters asked for by hand, and the reminders."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from sneaky.exchanges import lifecycle, mailing
from sneaky.exchanges.pages.letters import letters_page
from sneaky.exchanges.pages.timeline import reminders_page
from sneaky.models import LetterState
from sneaky.web.forms import form_page
from sneaky.web.guards import organizer_only, owned_exchange
from sneaky.web.organizer import asked, blueprint
from sneaky.web.organizer.forms_reminders import RemindersForm
from sneaky.web.pressed import press


@blueprint.get("/exchanges/<public_id>/letters")
@organizer_only
def letters(public_id: str) -> ResponseReturnValue:
    """Every letter of the exchange that may be told of, and what became of it."""
    exchange_id = owned_exchange(public_id)
    state = request.args.get("state", type=LetterState)
    page = letters_page(exchange_id, state=state, number=asked.page_number())
    return render_template("organizer/letters.html", page=page)


@blueprint.post("/exchanges/<public_id>/letters/retry")
@organizer_only
def retry_letters(public_id: str) -> ResponseReturnValue:
    """Try what was given up anew."""
    exchange_id = owned_exchange(public_id)
    # No number: it would count letters that this page does not list, and such as turn out to be out of date.
    told = _("What did not arrive is tried again now. What is out of date is taken out instead.")
    return press(lambda: mailing.retry_undelivered(exchange_id), told, ".letters", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/nudge")
@organizer_only
def nudge(public_id: str) -> ResponseReturnValue:
    """Write to those who have not opened their match."""
    exchange_id = owned_exchange(public_id)
    return press(lambda: mailing.nudge(exchange_id), _nudged, ".exchange", public_id=public_id)


@blueprint.route("/exchanges/<public_id>/reminders", methods=["GET", "POST"])
@organizer_only
def reminders(public_id: str) -> ResponseReturnValue:
    """When reminders go out, and what the earlier ones did."""
    exchange_id = owned_exchange(public_id)
    page = reminders_page(exchange_id)
    form = RemindersForm(obj=page)
    if form.validate_on_submit():
        with form.blaming_fields():
            lifecycle.set_reminders(exchange_id, form.days.data, bool(form.is_on.data))
            flash(_("Saved. This is what goes out now."), "ok")
            return redirect(url_for(".reminders", public_id=public_id), 303)
    return form_page("organizer/reminders.html", form, page=page)


def _nudged(count: int) -> str:
    if not count:
        return str(_("Nobody to nudge: they have opened their match, or were nudged today."))
    return str(ngettext("%(num)d person is nudged.", "%(num)d people are nudged.", count))
