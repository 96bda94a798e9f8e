"""The draw: asked once more, made, taken back, made again, and the glass that is broken in an emergency."""

from __future__ import annotations

from dataclasses import asdict

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from sneaky.draws import conduct, reveal
from sneaky.draws.rules import verdict_for
from sneaky.draws.seen import refuse_changed, state_of
from sneaky.exchanges.pages.exchange import exchange_page
from sneaky.exchanges.pages.facts import exchange_facts
from sneaky.executions.health import leader
from sneaky.jobs import drawing as drawings
from sneaky.outbox.queue import is_mail_proven
from sneaky.web.forms import form_page
from sneaky.web.guards import current_organizer, organizer_only, owned_exchange
from sneaky.web.organizer import blueprint
from sneaky.web.organizer.forms_draw import DrawForm, RedrawForm, SureForm
from sneaky.web.pressed import press


@blueprint.route("/exchanges/<public_id>/draw", methods=["GET", "POST"])
@organizer_only
def draw(public_id: str) -> ResponseReturnValue:
    """Say once more what happens to whom, then draw."""
    exchange_id, form = owned_exchange(public_id), DrawForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            return _draw_now(public_id, exchange_id, even_if_mail_unproven=bool(form.anyway.data))
    page = exchange_page(exchange_id)
    if page.facts.is_before_draw and (run_id := drawings.under_way(exchange_id)):
        return redirect(url_for(".drawing", public_id=public_id, run_id=run_id))
    verdict = verdict_for(exchange_id) if page.facts.is_before_draw else None
    return form_page("organizer/draw.html", form, page=page, verdict=verdict, is_mail_proven=is_mail_proven())


@blueprint.get("/exchanges/<public_id>/draw/runs/<run_id>.json")
@blueprint.get("/exchanges/<public_id>/draw/runs/<run_id>")
@organizer_only
def drawing(public_id: str, run_id: str) -> ResponseReturnValue:
    """How far the draw of a large exchange is; the page renews itself until it is over."""
    exchange_id = owned_exchange(public_id)
    drawn = drawings.drawing(exchange_id, run_id)
    if request.path.endswith(".json"):
        return jsonify(asdict(drawn))
    is_refused = drawn.state is drawings.DrawingState.REFUSED
    facts = exchange_facts(exchange_id)
    return render_template(
        "organizer/_drawing.html" if "HX-Request" in request.headers else "organizer/drawing.html",
        facts=facts,
        drawing=drawn,
        verdict=verdict_for(exchange_id) if is_refused and facts.is_before_draw else None,
        leader=leader(),
    )


@blueprint.post("/exchanges/<public_id>/draw/undo")
@organizer_only
def undo(public_id: str) -> ResponseReturnValue:
    """Take the draw back while nobody has looked."""
    exchange_id = owned_exchange(public_id)
    done = _("The draw is undone. Change what you like, then draw again.")
    return press(lambda: conduct.undo_draw(exchange_id), done, ".exchange", public_id=public_id)


@blueprint.route("/exchanges/<public_id>/draw/again", methods=["GET", "POST"])
@organizer_only
def redraw(public_id: str) -> ResponseReturnValue:
    """Draw anew for everybody, once the name was typed."""
    exchange_id = owned_exchange(public_id)
    facts = exchange_facts(exchange_id)
    form = RedrawForm(facts.name)
    if form.validate_on_submit():
        with form.blaming_fields():
            return _draw_again(public_id, exchange_id, form.seen.data or None)
    return form_page("organizer/redraw.html", form, facts=facts, seen=state_of(exchange_id))


@blueprint.route("/exchanges/<public_id>/draw/break-glass", methods=["GET", "POST"])
@organizer_only
def break_glass(public_id: str) -> ResponseReturnValue:
    """Show every pair, once the name was typed; everybody is told that it happened."""
    exchange_id = owned_exchange(public_id)
    facts = exchange_facts(exchange_id)
    form = SureForm(facts.name)
    if form.validate_on_submit():
        with form.blaming_fields():
            pairs = reveal.break_glass(exchange_id, current_organizer().id)
            return render_template("organizer/pairs.html", facts=facts, pairs=pairs)
    return form_page("organizer/break_glass.html", form, facts=facts)


def _draw_now(public_id: str, exchange_id: int, *, even_if_mail_unproven: bool) -> ResponseReturnValue:
    """Draw, or in a large exchange leave that to the clock, and go where the result shows."""
    if drawings.is_large(exchange_id):
        if not even_if_mail_unproven:
            conduct.refuse_unproven_mail()
        return _by_the_clock(public_id, exchange_id, is_again=False)
    return _drawn(public_id, conduct.conduct_draw(exchange_id, even_if_mail_unproven=even_if_mail_unproven))


def _draw_again(public_id: str, exchange_id: int, seen: str | None) -> ResponseReturnValue:
    """The same in the place of a draw that is there, as long as it is the one that was `seen`."""
    if drawings.is_large(exchange_id):
        refuse_changed(exchange_id, seen)
        return _by_the_clock(public_id, exchange_id, is_again=True)
    return _drawn(public_id, conduct.redraw(exchange_id, even_if_mail_unproven=True, seen=seen))


def _by_the_clock(public_id: str, exchange_id: int, *, is_again: bool) -> ResponseReturnValue:
    run_id = drawings.ask_for_draw(exchange_id, organizer_id=current_organizer().id, is_again=is_again)
    return redirect(url_for(".drawing", public_id=public_id, run_id=run_id), 303)


def _drawn(public_id: str, drawn: conduct.DrawSummary) -> ResponseReturnValue:
    flash(
        ngettext("Drawn! %(num)d letter goes out now.", "Drawn! %(num)d letters go out now.", drawn.letters),
        "ok",
    )
    return redirect(url_for(".exchange", public_id=public_id), 303)
