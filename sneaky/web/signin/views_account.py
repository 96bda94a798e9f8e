"""An organizer's own account: name, language, zone, password, and leaving every device."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.access import organizers
from sneaky.web import locales
from sneaky.web.forms import form_page
from sneaky.web.guards import current_organizer, organizer_only
from sneaky.web.signin import blueprint
from sneaky.web.signin.entering import let_organizer_in
from sneaky.web.signin.forms import AccountForm, PasswordForm


@blueprint.route("/account", methods=["GET", "POST"])
@organizer_only
def account() -> ResponseReturnValue:
    """How we call and write to this organizer."""
    me = current_organizer()
    form = AccountForm(obj=me)
    if form.validate_on_submit():
        with form.blaming_fields():
            locale, zone = form.locale.data or None, form.zone.data or None
            organizers.change_profile(me.id, name=form.name.data, locale=locale, zone=zone)
            locales.prefer(locale, before=me.locale)
            flash(_("Saved."), "ok")
            return redirect(url_for(".account"), 303)
    return form_page("signin/account.html", form, email=me.email)


@blueprint.route("/account/password", methods=["GET", "POST"])
@organizer_only
def password() -> ResponseReturnValue:
    """Another password; every other device is signed out."""
    me, form = current_organizer(), PasswordForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            organizers.change_password(me.id, form.old_password.data, form.password.data)
            greeting = _("Your new password counts from now on. Every other device is signed out.")
            return let_organizer_in(me.id, greeting, to=url_for(".account"))
    return form_page("signin/password.html", form, email=me.email)
