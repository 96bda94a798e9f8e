"""The rules of an exchange: who may not give to whom, who lives together, how the draw is made."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.draws.loosening import Loosening, loosen
from sneaky.draws.rules import Action, verdict_for
from sneaky.exchanges import exclusions, households, lifecycle, matrix
from sneaky.exchanges.lookup import participant_id_for
from sneaky.exchanges.naming import person_called
from sneaky.exchanges.pages.rules import rules_page
from sneaky.web.guards import organizer_only, owned_exchange
from sneaky.web.organizer import asked, blueprint
from sneaky.web.organizer.forms_rules import ExclusionForm, HouseholdForm, OptionsForm
from sneaky.web.pressed import press


@blueprint.get("/exchanges/<public_id>/rules")
@organizer_only
def rules(public_id: str) -> ResponseReturnValue:
    """All rules, and whether they leave a draw."""
    return _page(owned_exchange(public_id))


@blueprint.post("/exchanges/<public_id>/rules/exclusions")
@organizer_only
def exclude(public_id: str) -> ResponseReturnValue:
    """Two people by name, of whom one may not give to the other."""
    exchange_id, form = owned_exchange(public_id), ExclusionForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            giver = person_called(exchange_id, form.giver.data or "", field="giver")
            recipient = person_called(exchange_id, form.recipient.data or "", field="recipient")
            exclusions.exclude(exchange_id, giver, recipient, is_mutual=bool(form.is_mutual.data))
            return _saved(public_id)
    return _page(exchange_id, exclusion=form)


@blueprint.post("/exchanges/<public_id>/rules/matrix")
@organizer_only
def set_matrix(public_id: str) -> ResponseReturnValue:
    """All exclusions of a small exchange at once; a script gets the verdict alone."""
    exchange_id, people = owned_exchange(public_id), request.form.getlist("person")
    excluded = [(giver, recipient) for giver in people for recipient in request.form.getlist(giver)]
    matrix.set_exclusions(exchange_id, people, excluded)
    if "X-Live" in request.headers:
        return render_template(
            "organizer/_verdict.html", verdict=verdict_for(exchange_id), public_id=public_id
        )
    return _saved(public_id)


@blueprint.post("/exchanges/<public_id>/rules/allow")
@organizer_only
def allow(public_id: str) -> ResponseReturnValue:
    """Take one exclusion away."""
    exchange_id = owned_exchange(public_id)
    giver = participant_id_for(exchange_id, request.form.get("giver", ""))
    recipient = participant_id_for(exchange_id, request.form.get("recipient", ""))
    done = _("That rule is gone.")
    return press(lambda: exclusions.allow(exchange_id, giver, recipient), done, ".rules", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/rules/households")
@organizer_only
def house(public_id: str) -> ResponseReturnValue:
    """Put people into one household: the ticked ones, or the one who is named."""
    exchange_id, form = owned_exchange(public_id), HouseholdForm()
    form.offer(rules_page(exchange_id).people)
    if form.validate_on_submit():
        with form.blaming_fields():
            chosen = [participant_id_for(exchange_id, person) for person in form.people.data or []]
            if form.person.data:
                chosen.append(person_called(exchange_id, form.person.data, field="person"))
            households.assign_all(chosen, form.household.data or "")
            return _saved(public_id)
    return _page(exchange_id, household=form)


@blueprint.post("/exchanges/<public_id>/rules/households/leave")
@organizer_only
def unhouse(public_id: str) -> ResponseReturnValue:
    """Take somebody out of their household."""
    participant_id = participant_id_for(owned_exchange(public_id), request.form.get("person", ""))
    done = _("Taken out of the household.")
    return press(lambda: households.assign(participant_id, None), done, ".rules", public_id=public_id)


@blueprint.post("/exchanges/<public_id>/rules/options")
@organizer_only
def draw_options(public_id: str) -> ResponseReturnValue:
    """Choose how the draw is made."""
    exchange_id, form = owned_exchange(public_id), OptionsForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            lifecycle.set_draw_options(exchange_id, **form.chosen())
            return _saved(public_id)
    return _page(exchange_id, options=form)


@blueprint.post("/exchanges/<public_id>/rules/loosen")
@organizer_only
def loosen_rules(public_id: str) -> ResponseReturnValue:
    """Make the changes of the pressed button."""
    exchange_id = owned_exchange(public_id)
    changes = [_loosening(exchange_id, change) for change in request.form.getlist("change")]
    return press(lambda: loosen(exchange_id, changes), _("Changed."), ".rules", public_id=public_id)


def _loosening(exchange_id: int, change: str) -> Loosening:
    """Read “action:giver:recipient” with public ids, as the buttons send it."""
    action, giver, recipient = [*change.split(":"), "", ""][:3]
    if action not in list(Action):
        abort(404)
    people = [participant_id_for(exchange_id, person) if person else None for person in (giver, recipient)]
    return Loosening(Action(action), *people)


def _saved(public_id: str) -> ResponseReturnValue:
    flash(_("Saved."), "ok")
    return redirect(url_for(".rules", public_id=public_id), 303)


def _page(
    exchange_id: int,
    *,
    exclusion: ExclusionForm | None = None,
    household: HouseholdForm | None = None,
    options: OptionsForm | None = None,
) -> ResponseReturnValue:
    page = rules_page(exchange_id, search=asked.search_words(), number=asked.page_number())
    household = household or HouseholdForm(formdata=None)
    household.offer(page.people)
    came_back = [form for form in (exclusion, household, options) if form and form.errors]
    html = render_template(
        "organizer/rules.html",
        page=page,
        verdict=verdict_for(exchange_id) if page.facts.is_before_draw else None,
        exclusion=exclusion or ExclusionForm(formdata=None),
        household=household,
        options=options or OptionsForm(formdata=None, obj=page),
    )
    return html, 422 if came_back else 200
