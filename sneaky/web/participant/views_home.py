"""A participant's own page: the event, the sealed or opened match, and the way to everything else."""

from __future__ import annotations

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from sneaky import conversations, wishlists
from sneaky.core.clock import now
from sneaky.draws import reveal
from sneaky.exchanges.pages.participant import own_page
from sneaky.letters import calendar
from sneaky.outbox import links
from sneaky.web.downloads import calendar_file
from sneaky.web.filters import money
from sneaky.web.guards import current_participant, participant_only
from sneaky.web.participant import blueprint
from sneaky.web.participant.opening import was_just_opened


@blueprint.get("/me")
@participant_only
def home() -> ResponseReturnValue:
    """Where the reader stands, and what there is to do."""
    me = current_participant().id
    return render_template(
        "participant/home.html",
        page=own_page(me),
        sealed=reveal.sealed(me),
        match=reveal.revealed(me),
        wishes=wishlists.items(me),
        unread=conversations.unread(me),
        is_fresh=was_just_opened(),
    )


@blueprint.get("/me/event.ics")
@participant_only
def event() -> ResponseReturnValue:
    """The day as an entry for a calendar; a later file replaces an earlier one."""
    facts = own_page(current_participant().id).facts
    entry = calendar.entry(
        uid=calendar.uid_of(facts.public_id),
        name=facts.name,
        starts_at=facts.event_at,
        place=facts.place,
        note=calendar.note(money(facts.budget, facts.currency) or None),
        link=links.url(url_for(".home")),
        made_at=now(),
    )
    return calendar_file(entry, name=f"{facts.name}.ics")
