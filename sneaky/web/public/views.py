"""The front page, what we keep about people, languages, and leaving the mailing."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from sneaky.access import organizers
from sneaky.core.errors import NotFound
from sneaky.core.settings import settings
from sneaky.exchanges import participants
from sneaky.exchanges.pages.participant import own_page
from sneaky.outbox import links
from sneaky.web import locales
from sneaky.web.guards import organizer_or_none, participant_or_none
from sneaky.web.origins import takes_foreign_requests
from sneaky.web.public import blueprint
from sneaky.web.redirects import page_before


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """The front page; whoever is signed in goes on to their own."""
    if organizer_or_none():
        return redirect(url_for("organizer.dashboard"))
    if participant_or_none():
        return redirect(url_for("participant.home"))
    return render_template(
        "public/home.html",
        is_set_up=organizers.is_set_up(),
        may_sign_up=settings().signup == "open",
        has_mailbox=settings().is_development,
    )


@blueprint.get("/privacy")
def privacy() -> ResponseReturnValue:
    """What is kept about people, who sees it, and when it goes."""
    return render_template("public/privacy.html", remembers_pairs=settings().pair_memory)


@blueprint.post("/language")
def language() -> ResponseReturnValue:
    """Speak another language in this browser, and go back to the page."""
    locales.choose(request.form.get("language", ""))
    return redirect(page_before() or url_for("public.home"), 303)


@blueprint.route("/u/<token>", methods=["GET", "POST"])
@takes_foreign_requests
def unsubscribe(token: str) -> ResponseReturnValue:
    """End reminders and notices to one participant: a press here, or one click in the mail program."""
    participant_id = links.participant_of_unsubscribe(token)
    if participant_id is None:
        raise NotFound
    page = own_page(participant_id)
    if request.method == "POST":
        participants.set_preferences(
            participant_id, wants_reminders=False, wants_notices=False, locale=page.locale, zone=page.zone
        )
    return render_template("public/unsubscribe.html", page=page, is_done=request.method == "POST")
