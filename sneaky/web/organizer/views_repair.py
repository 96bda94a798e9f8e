"""The draw mended: who leaves, joins or swaps, first what it means; and somebody who is stood in for."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.draws import repair as repairs
from sneaky.draws.seen import refuse_changed, state_of
from sneaky.exchanges.pages.late import lines_of
from sneaky.exchanges.pages.repair import repair_page
from sneaky.web.forms import form_page
from sneaky.web.guards import organizer_only, owned_exchange
from sneaky.web.organizer import blueprint
from sneaky.web.organizer.forms_repair import RepairForm, RescueForm


@blueprint.route("/exchanges/<public_id>/repair", methods=["GET", "POST"])
@organizer_only
def repair(public_id: str) -> ResponseReturnValue:
    """Somebody leaves or joins after the draw: first what it means, then one press does it."""
    exchange_id, form = owned_exchange(public_id), RepairForm()
    page, seen = repair_page(exchange_id), form.seen.data or None
    preview, now_seen = None, ""
    form.offer(page)
    if request.method == "GET":
        form.leaving.data = request.args.getlist("leaves")
        form.joining.data = lines_of(exchange_id, request.args.getlist("joins"))
    with form.blaming_fields():  # first of all: whoever has left by the first press cannot be ticked any more
        refuse_changed(exchange_id, seen)
    if not form.errors and form.validate_on_submit():
        with form.blaming_fields():
            asked = form.repair(exchange_id)
            if form.is_sure.data:
                repairs.apply(exchange_id, asked, seen=seen)
                flash(_("Mended. Everybody it concerns gets a letter."), "ok")
                return redirect(url_for(".exchange", public_id=public_id), 303)
            now_seen, preview = state_of(exchange_id), repairs.preview(exchange_id, asked)
    return form_page("organizer/repair.html", form, page=page, preview=preview, seen=now_seen)


@blueprint.route("/exchanges/<public_id>/rescue", methods=["GET", "POST"])
@organizer_only
def rescue(public_id: str) -> ResponseReturnValue:
    """Let one of several volunteers give in the place of somebody who does not show up."""
    exchange_id, form = owned_exchange(public_id), RescueForm()
    page = repair_page(exchange_id)
    form.offer(page)
    if form.validate_on_submit():
        with form.blaming_fields():
            absent = form.only_one(exchange_id)
            repairs.rescue(exchange_id, absent, form.people(exchange_id, "willing"))
            flash(_("One of them gives a second gift now, and knows for whom."), "ok")
            return redirect(url_for(".exchange", public_id=public_id), 303)
    return form_page("organizer/rescue.html", form, page=page)
