"""The giver's side and the recipient's: the match is opened, marked and talked about."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky import conversations
from sneaky.draws import reveal
from sneaky.exchanges.pages.participant import own_page
from sneaky.models import MessageAuthor
from sneaky.web.forms import form_page
from sneaky.web.guards import current_participant, participant_only
from sneaky.web.participant import blueprint
from sneaky.web.participant.forms import MessageForm
from sneaky.web.participant.opening import note_opened
from sneaky.web.pressed import press

# Whom the reader talks with says which side they are on themselves.
_SIDE = {"recipient": MessageAuthor.GIVER, "giver": MessageAuthor.RECIPIENT}


@blueprint.post("/me/match")
@participant_only
def match() -> ResponseReturnValue:
    """Break the seal."""
    reveal.reveal(current_participant().id)
    note_opened()
    return redirect(url_for(".home"), 303)


@blueprint.post("/me/match/acknowledge")
@participant_only
def acknowledge() -> ResponseReturnValue:
    """Confirm that the earlier name no longer counts."""
    me = current_participant().id
    done = _("Thank you. The name below is the one that counts.")
    return press(lambda: reveal.acknowledge(me), done, ".home")


@blueprint.post("/me/gift/<any(has_gift, sent, received):mark>")
@participant_only
def mark(mark: str) -> ResponseReturnValue:
    """Set a mark on the way of the gift, or take it back."""
    me, is_on = current_participant().id, "on" in request.form
    return press(lambda: reveal.mark_gift(me, mark, is_on), _("Noted."), ".home")


@blueprint.route("/me/talk/<any(recipient, giver):other>", methods=["GET", "POST"])
@blueprint.route("/me/talk/<any(recipient):other>/<second>", methods=["GET", "POST"])
@participant_only
def talk(other: str, second: str | None = None) -> ResponseReturnValue:
    """Talk with the recipient, also with that of a second gift, or with the giver, and never by name."""
    me, side, form = current_participant().id, _SIDE[other], MessageForm()
    if form.validate_on_submit():
        with form.blaming_fields():
            conversations.write(me, side, form.body.data or "", second, about=form.about.data or "")
            flash(_("Sent. A letter tells them, without a name, when it is time for one."), "ok")
            return redirect(url_for(".talk", other=other, second=second), 303)
    thread, unread = conversations.thread(me, side, second), conversations.unread(me)
    has_news = unread.from_recipient if other == "recipient" else unread.from_giver
    return form_page(
        "participant/talk.html",
        form,
        page=own_page(me),
        thread=thread,
        other=other,
        second=second,
        has_news=unread.from_second.get(second) if second else has_news,
    )


@blueprint.post("/me/talk/<any(recipient, giver):other>/read")
@blueprint.post("/me/talk/<any(recipient):other>/<second>/read")
@participant_only
def read(other: str, second: str | None = None) -> ResponseReturnValue:
    """Note that the messages were read, so that no letter tells of them."""
    conversations.mark_read(current_participant().id, _SIDE[other], second)
    return redirect(url_for(".talk", other=other, second=second), 303)
