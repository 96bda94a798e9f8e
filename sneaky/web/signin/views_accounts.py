"""Becoming an organizer, and choosing a new password: each by a letter."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.access import organizers
from sneaky.core.errors import NotFound
from sneaky.core.settings import settings
from sneaky.models import TokenPurpose
from sneaky.web.forms import form_page
from sneaky.web.signin import blueprint
from sneaky.web.signin.entering import let_organizer_in, network_address
from sneaky.web.signin.forms import AddressForm, InvitationForm, NewPasswordForm


@blueprint.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> ResponseReturnValue:
    """Ask for a letter that makes one an organizer, where anybody may."""
    if settings().signup != "open":
        raise NotFound
    form = AddressForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizers.sign_up(form.email.data, ip=network_address())
            return redirect(url_for("signin.letter_sent"), 303)
    return form_page("signin/sign_up.html", form)


@blueprint.route("/forgot", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """Ask for a letter to choose a new password."""
    form = AddressForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizers.request_password_reset(form.email.data, ip=network_address())
            return redirect(url_for("signin.letter_sent"), 303)
    return form_page("signin/forgot.html", form)


@blueprint.get("/letter-sent")
def letter_sent() -> ResponseReturnValue:
    """The same words for everybody who asked for a letter."""
    return render_template("signin/letter_sent.html")


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """Choose a new password; whoever comes with an old link may ask for another one."""
    try:
        return _reset(token)
    except NotFound:
        return _old_link("signin/reset_old.html")


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """Become an organizer under the address that was invited; an old link tells how to get another one."""
    try:
        return _accept_invitation(token)
    except NotFound:
        return _old_link("signin/invitation_old.html", may_sign_up=settings().signup == "open")


def _reset(token: str) -> ResponseReturnValue:
    form = NewPasswordForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizer_id = organizers.reset_password(token, form.password.data)
            return let_organizer_in(organizer_id, _("Your new password counts from now on."))
    email = organizers.open_link(token, TokenPurpose.PASSWORD_RESET).email
    return form_page("signin/reset.html", form, email=email)


def _accept_invitation(token: str) -> ResponseReturnValue:
    form = InvitationForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizer_id = organizers.accept_invitation(
                token, name=form.name.data, password=form.password.data
            )
            greeting = _("Welcome! Plan your first exchange now.")
            return let_organizer_in(organizer_id, greeting, to=url_for("organizer.create"))
    email = organizers.open_link(token, TokenPurpose.ORGANIZER_INVITATION).email
    return form_page("signin/invitation.html", form, email=email)


def _old_link(template: str, **context: object) -> ResponseReturnValue:
    """The same page for a link that was used, is too old, or never was: what to do instead."""
    return render_template(template, form=AddressForm(formdata=None), **context), 404
