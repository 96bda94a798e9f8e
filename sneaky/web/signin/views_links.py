"""The doors of participants: the link of a letter, its code, and asking for a new one."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.access import magic_links
from sneaky.access.magic_links import LinkState, LinkView, Redeemed
from sneaky.core.errors import RuleBroken
from sneaky.draws import reveal
from sneaky.exchanges.pages.participant import own_page
from sneaky.models import TokenPurpose
from sneaky.web.forms import form_page
from sneaky.web.guards import participant_or_none
from sneaky.web.participant.opening import note_opened
from sneaky.web.signin import blueprint
from sneaky.web.signin.entering import browser_secret, let_participant_in, network_address
from sneaky.web.signin.forms import AddressForm, CodeForm

_STATUS = {LinkState.FRESH: 200, LinkState.USED: 410, LinkState.EXPIRED: 410, LinkState.UNKNOWN: 404}


@blueprint.get("/m/<token>")
def link(token: str) -> ResponseReturnValue:
    """Show what the link is good for. Mail scanners look too, so only the button below uses it."""
    view = magic_links.peek(token)
    here = participant_or_none()
    is_sealed = view.purpose is TokenPurpose.MATCH and _has_sealed_letter(view.participant_id)
    if here is not None and here.id == view.participant_id and not is_sealed:
        return redirect(url_for("participant.home"), 303)
    return _link_page(token, view, is_sealed=is_sealed)


@blueprint.post("/m/<token>")
def use_link(token: str) -> ResponseReturnValue:
    """Sign in by the link, and open the match if this is what was pressed."""
    try:
        redeemed = magic_links.redeem(token)
    except RuleBroken:
        return _link_page(token, magic_links.peek(token))
    answer = _welcome(redeemed)
    if "open" in request.form and _has_sealed_letter(redeemed.participant_id):
        reveal.reveal(redeemed.participant_id)
        note_opened()
    return answer


@blueprint.post("/m/<token>/fresh")
def fresh_link(token: str) -> ResponseReturnValue:
    """Send a new link to the address that the old one went to."""
    magic_links.renew(token, ip=network_address())
    return redirect(url_for("signin.letter_sent"), 303)


@blueprint.route("/find", methods=["GET", "POST"])
def find() -> ResponseReturnValue:
    """Ask for a new link by mail address; the answer never tells whether the address is known."""
    form = AddressForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            magic_links.ask(form.email.data, ip=network_address(), browser=browser_secret())
            return redirect(url_for("signin.code"), 303)
    return form_page("signin/find.html", form)


@blueprint.route("/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """Type the code of the letter here instead of following its link there."""
    form = CodeForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            return _welcome(magic_links.redeem_code(form.code.data, browser_secret()))
    return form_page("signin/code.html", form)


def _has_sealed_letter(participant_id: int | None) -> bool:
    """Whether a match waits for this participant to open it; none does once all was called off."""
    match = reveal.sealed(participant_id) if participant_id is not None else None
    if match is None or participant_id is None or match.is_revealed or match.is_taken_over:
        return False
    facts = own_page(participant_id).facts
    return facts.is_drawn or facts.has_taken_place


def _link_page(token: str, view: LinkView, *, is_sealed: bool = False) -> ResponseReturnValue:
    if view.state is LinkState.UNKNOWN:
        return render_template("signin/link_unknown.html", form=AddressForm()), 404
    template = "signin/link.html" if view.state is LinkState.FRESH else "signin/link_old.html"
    return render_template(template, token=token, view=view, is_sealed=is_sealed), _STATUS[view.state]


def _welcome(redeemed: Redeemed) -> ResponseReturnValue:
    is_in = redeemed.purpose is TokenPurpose.CONFIRM_REGISTRATION and not redeemed.is_too_late
    return let_participant_in(
        redeemed.participant_id, _("Thank you, your address is confirmed.") if is_in else ""
    )
