"""What a participant says about themselves: preferences, a postal address; and what we know about them."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.exchanges import participants
from sneaky.exchanges.pages.participant import own_page
from sneaky.web import locales
from sneaky.web.downloads import json_file
from sneaky.web.forms import form_page
from sneaky.web.guards import current_participant, participant_only
from sneaky.web.participant import blueprint
from sneaky.web.participant.forms import AddressForm, PreferencesForm


@blueprint.route("/me/preferences", methods=["GET", "POST"])
@participant_only
def preferences() -> ResponseReturnValue:
    """Which letters come, and in which language and zone."""
    me = current_participant().id
    page = own_page(me)
    form = PreferencesForm(obj=page)
    if form.validate_on_submit():
        with form.blaming_fields():
            participants.set_preferences(me, **form.chosen())
            locales.prefer(form.chosen()["locale"], before=page.locale)
            flash(_("Saved."), "ok")
            return redirect(url_for(".home"), 303)
    return form_page("participant/preferences.html", form, page=page)


@blueprint.route("/me/postal-address", methods=["GET", "POST"])
@participant_only
def postal_address() -> ResponseReturnValue:
    """Where the gift may be sent to."""
    me = current_participant().id
    form = AddressForm(data={"postal_address": participants.postal_address(me) or ""})
    if form.validate_on_submit():
        with form.blaming_fields():
            participants.set_postal_address(me, form.postal_address.data or "")
            flash(_("Saved. Only the person who gives to you sees it."), "ok")
            return redirect(url_for(".home"), 303)
    return form_page("participant/postal_address.html", form, page=own_page(me))


@blueprint.get("/me/data")
@participant_only
def data() -> ResponseReturnValue:
    """Everything we know about the reader, to be read."""
    me = current_participant().id
    return render_template("participant/data.html", page=own_page(me), known=participants.export(me))


@blueprint.get("/me/data.json")
@participant_only
def export() -> ResponseReturnValue:
    """The same as a file."""
    return json_file(participants.export(current_participant().id), name="my-data.json")
