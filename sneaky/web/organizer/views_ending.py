"""The end of an exchange and what it leaves: export, cancel, keep longer, erase."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.exchanges import lifecycle, retention
from sneaky.exchanges.pages.exchange import exchange_page
from sneaky.web.downloads import csv_file, json_file
from sneaky.web.forms import form_page
from sneaky.web.guards import organizer_only, owned_exchange
from sneaky.web.organizer import blueprint
from sneaky.web.organizer.forms_draw import SureForm
from sneaky.web.pressed import press

_DAYS_LONGER = 30


@blueprint.get("/exchanges/<public_id>/more")
@organizer_only
def more(public_id: str) -> ResponseReturnValue:
    """Everything that is not needed every day: copy, export, and the ways to end it."""
    return render_template("organizer/more.html", page=exchange_page(owned_exchange(public_id)))


@blueprint.get("/exchanges/<public_id>/export.json")
@organizer_only
def export(public_id: str) -> ResponseReturnValue:
    """A copy of the exchange to keep; it never tells who gives to whom."""
    kept = retention.export(owned_exchange(public_id))
    return json_file(kept, name=f"{kept['name']}.json")


@blueprint.get("/exchanges/<public_id>/export.csv")
@organizer_only
def export_people(public_id: str) -> ResponseReturnValue:
    """The participants as a table for a spreadsheet, in the columns that an upload takes."""
    kept = retention.export(owned_exchange(public_id))
    rows = [
        (person["name"], person["email"], person["household"] or "", person["state"])
        for person in kept["participants"]
    ]
    return csv_file([("name", "e-mail", "household", "state"), *rows], name=f"{kept['name']}.csv")


@blueprint.route("/exchanges/<public_id>/cancel", methods=["GET", "POST"])
@organizer_only
def cancel(public_id: str) -> ResponseReturnValue:
    """Call it off, once the name was typed; everybody is told."""
    exchange_id = owned_exchange(public_id)
    page = exchange_page(exchange_id)
    form = SureForm(page.facts.name)
    if form.validate_on_submit():
        with form.blaming_fields():
            lifecycle.cancel(exchange_id)
            flash(_("Called off, and everybody is told."), "ok")
            return redirect(url_for(".exchange", public_id=public_id), 303)
    return form_page("organizer/cancel.html", form, page=page)


@blueprint.route("/exchanges/<public_id>/erase", methods=["GET", "POST"])
@organizer_only
def erase(public_id: str) -> ResponseReturnValue:
    """Delete everything about it now, once the name was typed."""
    exchange_id = owned_exchange(public_id)
    page = exchange_page(exchange_id)
    form = SureForm(page.facts.name)
    if form.validate_on_submit():
        with form.blaming_fields():
            retention.erase_now(exchange_id)
            flash(_("Erased. Nothing of it is left here."), "ok")
            return redirect(url_for(".dashboard"), 303)
    return form_page("organizer/erase.html", form, page=page)


@blueprint.post("/exchanges/<public_id>/keep")
@organizer_only
def extend(public_id: str) -> ResponseReturnValue:
    """Keep an exchange that is over for another month."""
    exchange_id = owned_exchange(public_id)
    done = _("Kept for %(days)d days more.", days=_DAYS_LONGER)
    return press(lambda: retention.extend(exchange_id, _DAYS_LONGER), done, ".more", public_id=public_id)
