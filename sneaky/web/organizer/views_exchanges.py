"""An organizer's exchanges: all of them, a new one, each with what comes next."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.exchanges import copying, join_links, lifecycle
from sneaky.exchanges.pages import dashboard as dashboards
from sneaky.exchanges.pages.exchange import exchange_page
from sneaky.exchanges.pages.facts import exchange_facts
from sneaky.exchanges.pages.settings import settings_page
from sneaky.jobs import drawing
from sneaky.web.forms import form_page
from sneaky.web.guards import current_organizer, organizer_only, owned_exchange
from sneaky.web.organizer import blueprint
from sneaky.web.organizer.forms_exchange import ExchangeForm
from sneaky.web.organizer.qr import qr_code
from sneaky.web.pressed import press


@blueprint.get("/exchanges")
@organizer_only
def dashboard() -> ResponseReturnValue:
    """All exchanges of the organizer."""
    return render_template("organizer/dashboard.html", page=dashboards.dashboard(current_organizer().id))


@blueprint.route("/exchanges/new", methods=["GET", "POST"])
@organizer_only
def create() -> ResponseReturnValue:
    """Plan an exchange on one page."""
    organizer = current_organizer()
    form = ExchangeForm(zone=organizer.zone)
    if form.validate_on_submit():
        with form.blaming_fields():
            exchange_id = lifecycle.create(organizer.id, form.fields(), people=form.people.data or "")
            flash(_("It is on. Send the join link to everybody."), "ok")
            return redirect(url_for(".exchange", public_id=exchange_facts(exchange_id).public_id), 303)
    return form_page("organizer/exchange_form.html", form, facts=None)


@blueprint.get("/exchanges/<public_id>")
@organizer_only
def exchange(public_id: str) -> ResponseReturnValue:
    """One exchange: where it stands and what to do next."""
    exchange_id = owned_exchange(public_id)
    page = exchange_page(exchange_id)
    join_url = join_links.current(exchange_id) if page.facts.can_be_joined else None
    is_large = page.progress.people >= drawing.LARGE
    drawing_id = drawing.under_way(exchange_id) if is_large else None
    return render_template("organizer/exchange.html", page=page, join_url=join_url, drawing_id=drawing_id)


@blueprint.get("/exchanges/<public_id>/invitation")
@organizer_only
def invitation(public_id: str) -> ResponseReturnValue:
    """The join link as a QR code, to show around or to print."""
    exchange_id = owned_exchange(public_id)
    join_url = join_links.current(exchange_id)
    return render_template(
        "organizer/invitation.html",
        facts=exchange_facts(exchange_id),
        join_url=join_url,
        qr=qr_code(join_url) if join_url else None,
    )


@blueprint.route("/exchanges/<public_id>/edit", methods=["GET", "POST"])
@organizer_only
def edit(public_id: str) -> ResponseReturnValue:
    """Change what and when."""
    exchange_id = owned_exchange(public_id)
    page = settings_page(exchange_id)
    form = ExchangeForm(page.fields)
    if form.validate_on_submit():
        with form.blaming_fields():
            is_told = lifecycle.change(exchange_id, form.fields())
            flash(_("Saved, and everybody is told.") if is_told else _("Saved."), "ok")
            return redirect(url_for(".exchange", public_id=public_id), 303)
    return form_page("organizer/exchange_form.html", form, facts=page.facts)


@blueprint.post("/exchanges/<public_id>/joining/open")
@organizer_only
def open_joining(public_id: str) -> ResponseReturnValue:
    """Let people join a draft."""
    exchange_id = owned_exchange(public_id)
    done = _("It is open. Send the join link to everybody.")
    return press(lambda: lifecycle.open_registration(exchange_id), done, ".exchange", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/joining/close")
@organizer_only
def close_joining(public_id: str) -> ResponseReturnValue:
    """Let nobody join by the link any more."""
    exchange_id = owned_exchange(public_id)
    done = _("Joining is closed. Look the rules over, then draw.")
    return press(lambda: lifecycle.close_registration(exchange_id), done, ".exchange", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/joining/reopen")
@organizer_only
def reopen_joining(public_id: str) -> ResponseReturnValue:
    """Let people join again."""
    exchange_id = owned_exchange(public_id)
    done = _("Joining is open again.")
    return press(lambda: lifecycle.reopen_registration(exchange_id), done, ".exchange", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/joining/new-link")
@organizer_only
def replace_link(public_id: str) -> ResponseReturnValue:
    """Make the old join link void."""
    exchange_id = owned_exchange(public_id)
    done = _("Here is a new join link. The old one is void.")
    return press(lambda: join_links.replace(exchange_id), done, ".exchange", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/copy")
@organizer_only
def copy(public_id: str) -> ResponseReturnValue:
    """Plan the next one with the same people and rules."""
    later = copying.copy(owned_exchange(public_id))
    flash(_("Same people, same rules, a year later. Look it over, then open it."), "ok")
    return redirect(url_for(".edit", public_id=exchange_facts(later).public_id), 303)
