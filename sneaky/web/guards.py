"""Who may enter: the person behind the request, and what they own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask import request, session
from werkzeug.exceptions import NotFound as NoSuchPage

from sneaky.access import audit
from sneaky.access.profiles import OrganizerProfile, ParticipantProfile
from sneaky.core.errors import NotFound, SneakyError
from sneaky.exchanges import lookup
from sneaky.web.session_interface import Session

P = ParamSpec("P")
R = TypeVar("R")


class NotSignedIn(SneakyError):
    """Please sign in first."""


class OrganizerNeeded(NotSignedIn):
    """Please sign in first."""


class ParticipantNeeded(NotSignedIn):
    """Please open the link from your letter, or ask for a new one."""


def browser_session() -> Session:
    """The session of the browser that asks."""
    return cast("Session", session)


def organizer_or_none() -> OrganizerProfile | None:
    """The organizer who is signed in, if one is."""
    return browser_session().organizer


def participant_or_none() -> ParticipantProfile | None:
    """The participant who is signed in, if one is."""
    return browser_session().participant


def current_organizer() -> OrganizerProfile:
    """The organizer who is signed in; raises `OrganizerNeeded` when nobody is."""
    organizer = organizer_or_none()
    if organizer is None:
        raise OrganizerNeeded
    return organizer


def current_participant() -> ParticipantProfile:
    """The participant who is signed in; raises `ParticipantNeeded` when nobody is."""
    participant = participant_or_none()
    if participant is None:
        raise ParticipantNeeded
    return participant


def organizer_only(view: Callable[P, R]) -> Callable[P, R]:
    """Let only organizers into a view; everybody else is sent to sign in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with _noting_refusals(organizer_id=current_organizer().id):
            return view(*args, **kwargs)

    return guarded


def participant_only(view: Callable[P, R]) -> Callable[P, R]:
    """Let only participants into a view; everybody else may ask for their link."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with _noting_refusals(participant=current_participant().id):
            return view(*args, **kwargs)

    return guarded


def admin_only(view: Callable[P, R]) -> Callable[P, R]:
    """Let only admins of the instance into a view; for other organizers there is nothing here."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        organizer = current_organizer()
        if not organizer.is_admin:
            with _noting_refusals(organizer_id=organizer.id):
                raise NotFound
        return view(*args, **kwargs)

    return guarded


def owned_exchange(public_id: str) -> int:
    """The id of an exchange of the organizer who asks; a foreign one raises `NotFound` like an absent one."""
    return lookup.exchange_id_for(current_organizer().id, public_id)


@contextmanager
def _noting_refusals(**who: Any) -> Iterator[None]:
    """Write down that somebody asked for what is not there for them: somebody else's, or nothing at all."""
    try:
        yield
    except (NotFound, NoSuchPage):
        audit.note_refusal("page.refused", page=request.endpoint, **who)
        raise
