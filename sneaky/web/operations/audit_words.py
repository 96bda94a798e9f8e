"""How the audit trail is told in the reader's language; its template has these as filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from sneaky.access.audit import LEFT_OUT
from sneaky.access.magic_links import LinkState
from sneaky.models import TokenPurpose
from sneaky.web.operations import blueprint

_ACTIONS = {
    "draw.conducted": _l("names drawn"),
    "draw.mended": _l("draw repaired"),
    "draw.rescued": _l("second gift asked for"),
    "draw.undone": _l("draw undone"),
    "exchange.cancelled": _l("exchange called off"),
    "exchange.copied": _l("exchange copied"),
    "exchange.created": _l("exchange created"),
    "exchange.erased": _l("exchange erased"),
    "exchange.kept": _l("exchange kept longer"),
    "instance.backed_up": _l("backup made"),
    "instance.copied": _l("instance copied"),
    "instance.restored": _l("backup restored"),
    "job.paused": _l("job paused"),
    "job.rescheduled": _l("job rescheduled"),
    "job.resumed": _l("job resumed"),
    "job.retry_asked": _l("run tried again"),
    "job.run_asked": _l("run asked for"),
    "job.stop_asked": _l("run stopped"),
    "key.forgotten": _l("old secret key forgotten"),
    "key.rotated": _l("secret key rotated"),
    "limit.reached": _l("rate limit reached"),
    "link.handed-out": _l("personal link handed out"),
    "match.revealed": _l("match opened"),
    "matches.revealed": _l("all matches looked at"),
    "organizer.created": _l("organizer added"),
    "organizer.invited": _l("organizer invited"),
    "organizer.link_refused": _l("organizer turned away at a link"),
    "organizer.password_changed": _l("password changed"),
    "organizer.password_refused": _l("wrong present password"),
    "organizer.sign_in_refused": _l("organizer turned away at the door"),
    "organizer.signed_in": _l("organizer signed in"),
    "page.refused": _l("page refused"),
    "participant.code_refused": _l("wrong code"),
    "participant.complained": _l("letter marked as unwanted"),
    "participant.erased": _l("participant erased"),
    "participant.link_refused": _l("participant turned away at a link"),
    "participant.readdressed": _l("address changed"),
    "participant.signed_in": _l("participant signed in"),
    "participant.withdrawn": _l("participant left"),
}
_NAMES = {
    "and_more": _l("more of them"),
    "changed": _l("changed"),
    "days": _l("days"),
    "exchange": _l("exchange"),
    "hour": _l("hour"),
    "is_admin": _l("admin"),
    "job": _l("job"),
    "joined": _l("joined"),
    "keys": _l("keys"),
    "left": _l("left"),
    "limit": _l("limit"),
    "link": _l("link"),
    "matches": _l("matches"),
    "messages": _l("messages"),
    "method": _l("method"),
    "minute": _l("minute"),
    "page": _l("page"),
    "participant": _l("participant"),
    "participants": _l("participants"),
    "postal_addresses": _l("postal addresses"),
    "purpose": _l("purpose"),
    "rows": _l("rows"),
    "run": _l("run"),
    "second": _l("second"),
    "tables": _l("tables"),
}
_VALUES: Mapping[str, Any] = {
    LEFT_OUT: _l("left out for an hour"),
    LinkState.FRESH: _l("fresh"),
    LinkState.USED: _l("used"),
    LinkState.EXPIRED: _l("expired"),
    LinkState.UNKNOWN: _l("unknown"),
    TokenPurpose.SETUP: _l("set-up"),
    TokenPurpose.CONFIRM_REGISTRATION: _l("confirm the address"),
    TokenPurpose.SIGN_IN: _l("sign in"),
    TokenPurpose.MATCH: _l("open the match"),
    TokenPurpose.PASSWORD_RESET: _l("new password"),
    TokenPurpose.ORGANIZER_INVITATION: _l("become an organizer"),
}


@blueprint.app_template_filter()
def action_words(action: str) -> str:
    """What was done; an action of another version is told by its name."""
    return str(_ACTIONS.get(action) or _spelled_out(action))


@blueprint.app_template_filter()
def detail_name(name: str) -> str:
    """What a detail of an entry is about."""
    return str(_NAMES.get(name) or _spelled_out(name))


@blueprint.app_template_filter()
def detail_words(value: str) -> str:
    """A detail that is a word of ours; nothing for an id or a name in code."""
    return str(_VALUES.get(value, ""))


def _spelled_out(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")
