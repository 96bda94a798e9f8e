"""The reader's own wish list."""

from __future__ import annotations

from dataclasses import asdict

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky import wishlists
from sneaky.exchanges.pages.participant import own_page
from sneaky.web.forms import form_page
from sneaky.web.guards import browser_session, current_participant, participant_only
from sneaky.web.participant import blueprint
from sneaky.web.participant.forms import WishForm
from sneaky.web.pressed import press

_REMOVED = "removed_wish"


@blueprint.route("/me/wish-list", methods=["GET", "POST"])
@participant_only
def wish_list() -> ResponseReturnValue:
    """Every idea, and a form for one more."""
    me, form = current_participant().id, WishForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            wishlists.add(me, **form.wish())
            flash(_("It is on your list."), "ok")
            return redirect(url_for(".wish_list"), 303)
    removed = browser_session().pop(_REMOVED, None)
    items = wishlists.items(me)
    return form_page("participant/wish_list.html", form, page=own_page(me), items=items, removed=removed)


@blueprint.route("/me/wish-list/<item_id>", methods=["GET", "POST"])
@participant_only
def wish(item_id: str) -> ResponseReturnValue:
    """Change one idea."""
    me = current_participant().id
    item = next((item for item in wishlists.items(me) if item.public_id == item_id), None) or abort(404)
    form = WishForm(obj=item)
    if form.validate_on_submit():
        with form.blaming_fields():
            wishlists.edit(me, item_id, **form.wish())
            flash(_("Changed."), "ok")
            return redirect(url_for(".wish_list"), 303)
    return form_page("participant/wish.html", form, page=own_page(me), item=item)


@blueprint.post("/me/wish-list/<item_id>/remove")
@participant_only
def remove_wish(item_id: str) -> ResponseReturnValue:
    """Take one idea off the list; the next page offers to put it back, as one would add it."""
    me = current_participant().id

    def take_off() -> None:
        browser_session()[_REMOVED] = asdict(wishlists.remove(me, item_id))

    return press(take_off, _("It is off your list."), ".wish_list")
