"""The instance itself: its health, its settings, its organizers, and who did what."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.access import directory, trail
from sneaky.access import organizers as accounts
from sneaky.core.settings import settings as current_settings
from sneaky.jobs.vitals import vitals
from sneaky.web.forms import form_page
from sneaky.web.guards import admin_only, current_organizer
from sneaky.web.operations import blueprint
from sneaky.web.operations.advice import advice, settings_in_force
from sneaky.web.operations.answers import show
from sneaky.web.operations.forms import InviteForm
from sneaky.web.organizer.asked import page_number


@blueprint.get("/operations/health.json")
@blueprint.get("/operations/health")
@admin_only
def health() -> ResponseReturnValue:
    """Whether all is well."""
    return show("operations/health.html", vitals=vitals())


@blueprint.get("/operations/audit")
@admin_only
def audit() -> ResponseReturnValue:
    """Who did what when, newest first."""
    action = request.args.get("action", "")
    return render_template(
        "operations/audit.html", page=trail.page(page_number(), action=action), action=action
    )


@blueprint.get("/operations/settings")
@admin_only
def settings() -> ResponseReturnValue:
    """The settings in force, secrets left out, and what is odd about them."""
    found = current_settings()
    return render_template(
        "operations/settings.html", advice=advice(found), settings=settings_in_force(found)
    )


@blueprint.route("/operations/organizers", methods=["GET", "POST"])
@admin_only
def organizers() -> ResponseReturnValue:
    """Everybody who may organize here, and a form to invite one more."""
    form = InviteForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            accounts.invite(current_organizer().id, form.email.data)
            flash(
                _("An invitation goes to %(email)s now. It is good for seven days.", email=form.email.data),
                "ok",
            )
            return redirect(url_for(".organizers"), 303)
    return form_page("operations/organizers.html", form, page=directory.directory(page_number()))
