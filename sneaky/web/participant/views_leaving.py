"""How a participant goes: out of the exchange, or out of every table."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.draws import leaving
from sneaky.exchanges.pages.participant import own_page
from sneaky.web.forms import BaseForm, form_page
from sneaky.web.guards import browser_session, current_participant, participant_only
from sneaky.web.participant import blueprint
from sneaky.web.participant.forms import ForgetForm


@blueprint.route("/me/leave", methods=["GET", "POST"])
@participant_only
def leave() -> ResponseReturnValue:
    """Say what leaving means, then leave."""
    me, form = current_participant().id, BaseForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            leaving.leave(me)
            flash(_("You are out. Thank you for saying so."), "ok")
            return redirect(url_for(".home"), 303)
    return form_page("participant/leave.html", form, page=own_page(me))


@blueprint.route("/me/forget", methods=["GET", "POST"])
@participant_only
def forget() -> ResponseReturnValue:
    """Delete everything about the reader, once their name was typed."""
    me = current_participant().id
    page = own_page(me)
    form = ForgetForm(page.name)
    if form.validate_on_submit():
        with form.blaming_fields():
            leaving.be_forgotten(me)
            browser_session().sign_out()
            flash(_("Everything about you is erased. Goodbye!"), "ok")
            return redirect(url_for("public.home"), 303)
    return form_page("participant/forget.html", form, page=page)
