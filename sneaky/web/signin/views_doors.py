"""The doors of organizers: sign in, sign out, set up."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.access import organizers, sessions
from sneaky.models import TokenPurpose
from sneaky.web.forms import form_page
from sneaky.web.guards import browser_session, organizer_or_none, participant_or_none
from sneaky.web.redirects import own_page
from sneaky.web.signin import blueprint
from sneaky.web.signin.entering import let_organizer_in, network_address
from sneaky.web.signin.forms import SetupForm, SignInForm


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
def setup(token: str) -> ResponseReturnValue:
    """Make the first organizer."""
    form = SetupForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizer_id = organizers.set_up(
                token, name=form.name.data, email=form.email.data, password=form.password.data
            )
            greeting = _("Welcome! Plan your first exchange now.")
            return let_organizer_in(organizer_id, greeting, to=url_for("organizer.create"))
    organizers.open_link(token, TokenPurpose.SETUP)
    return form_page("signin/setup.html", form)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """An organizer comes in, and goes on to the page that was wanted."""
    wanted = own_page(request.args.get("next"))
    if organizer_or_none():
        return redirect(wanted or url_for("organizer.dashboard"), 303)
    form = SignInForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizer_id = organizers.sign_in(form.email.data, form.password.data, ip=network_address())
            return let_organizer_in(organizer_id, to=wanted)
    return form_page("signin/sign_in.html", form)


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Leave on this device, or on every one."""
    organizer, participant = organizer_or_none(), participant_or_none()
    if "everywhere" in request.form:
        sessions.end_all(
            organizer_id=organizer.id if organizer else None,
            email=participant.email if participant else None,
        )
    browser_session().sign_out()
    flash(_("You are signed out."), "ok")
    return redirect(url_for("public.home"), 303)
