"""The people of an exchange: added one by one or as a list, mended, withdrawn."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from sneaky.draws import correcting
from sneaky.exchanges import mailing, participants
from sneaky.exchanges.lookup import participant_id_for
from sneaky.exchanges.pages.facts import exchange_facts
from sneaky.exchanges.pages.people import participant_page, participants_page
from sneaky.web.forms import form_page
from sneaky.web.guards import organizer_only, owned_exchange
from sneaky.web.organizer import asked, blueprint
from sneaky.web.organizer.forms_people import LinesForm, PersonForm
from sneaky.web.organizer.qr import qr_code
from sneaky.web.pressed import press


@blueprint.route("/exchanges/<public_id>/participants", methods=["GET", "POST"], endpoint="participants")
@organizer_only
def people(public_id: str) -> ResponseReturnValue:
    """Everybody, and a form to add one more."""
    exchange_id = owned_exchange(public_id)
    form = PersonForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            participants.add(exchange_id, **form.added())
            flash(_("%(name)s takes part.", name=form.name.data), "ok")
            return redirect(url_for(".participants", public_id=public_id), 303)
    page = participants_page(exchange_id, search=asked.search_words(), number=asked.page_number())
    return form_page("organizer/people.html", form, page=page)


@blueprint.route("/exchanges/<public_id>/participants/list", methods=["GET", "POST"])
@organizer_only
def lines(public_id: str) -> ResponseReturnValue:
    """Many people at once: first what their lines mean, then one press adds them."""
    exchange_id = owned_exchange(public_id)
    form, preview = LinesForm(), None
    if form.validate_on_submit():
        with form.blaming_fields():
            form.lines.data = form.text()
            preview = participants.read_lines(form.lines.data, exchange_id)
            if form.is_sure.data:
                added = participants.add_many(exchange_id, preview.good)
                flash(_added(added), "ok" if added else "info")
                return redirect(url_for(".participants", public_id=public_id), 303)
    return form_page("organizer/lines.html", form, facts=exchange_facts(exchange_id), preview=preview)


@blueprint.route("/exchanges/<public_id>/participants/<person_id>", methods=["GET", "POST"])
@organizer_only
def person(public_id: str, person_id: str) -> ResponseReturnValue:
    """One of them: mend name, address, household."""
    exchange_id = owned_exchange(public_id)
    participant_id = participant_id_for(exchange_id, person_id)
    page = participant_page(exchange_id, participant_id)
    form = PersonForm(obj=page.person)
    if form.validate_on_submit():
        with form.blaming_fields():
            correcting.correct(participant_id, **form.corrected(with_household=page.facts.is_before_draw))
            flash(_("Saved."), "ok")
            return redirect(url_for(".participants", public_id=public_id), 303)
    return form_page("organizer/person.html", form, page=page)


@blueprint.post("/exchanges/<public_id>/participants/<person_id>/withdraw")
@organizer_only
def withdraw(public_id: str, person_id: str) -> ResponseReturnValue:
    """Take somebody out before the draw."""
    participant_id = participant_id_for(owned_exchange(public_id), person_id)
    done = _("Withdrawn. Add them again if that was a slip.")
    return press(lambda: participants.withdraw(participant_id), done, ".participants", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/participants/<person_id>/letter")
@organizer_only
def send_again(public_id: str, person_id: str) -> ResponseReturnValue:
    """Send the letter this person needs now once more."""
    participant_id = participant_id_for(owned_exchange(public_id), person_id)
    where = {"public_id": public_id, "person_id": person_id}
    return press(
        lambda: mailing.send_again(participant_id), _("The letter goes out now."), ".person", **where
    )


@blueprint.post("/exchanges/<public_id>/participants/<person_id>/link")
@organizer_only
def hand_out(public_id: str, person_id: str) -> ResponseReturnValue:
    """Show a personal link to hand over, without showing the match."""
    exchange_id = owned_exchange(public_id)
    participant_id = participant_id_for(exchange_id, person_id)
    link = mailing.hand_out_link(participant_id)
    page = participant_page(exchange_id, participant_id)
    return render_template("organizer/hand_out.html", page=page, link=link, qr=qr_code(link))


def _added(number: int) -> str:
    if not number:
        return str(_("Everybody on the list takes part already."))
    return str(ngettext("%(num)d person takes part now.", "%(num)d people take part now.", number))
