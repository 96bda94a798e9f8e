"""Sessions for Flask: a person's is a row behind a cookie of chance, a visitor's a small signed cookie.

Visitors only need a form token and a flash now and then. Keeping that in their own cookie means that pages
for everybody ask no database, and that nobody can fill it by opening the sign-in page a million times.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, cast

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

from sneaky.access import sessions
from sneaky.access.profiles import OrganizerProfile, ParticipantProfile
from sneaky.access.sessions import SessionData
from sneaky.core.crypto import SigningKeys
from sneaky.core.settings import settings

_VISITOR_FOR = timedelta(days=1)
# What belongs to the browser, whoever uses it: its language, and the secret under which it asked for codes.
LANGUAGE, BROWSER_SECRET = "language", "browser"
# A signed cookie has dots; the 43 characters of a person's cookie have none.
_SIGNATURE_MARK = "."


class Session(SessionMixin):
    """What the browser's session holds. It is looked up when first touched, so error pages ask nobody."""

    def __init__(self, cookie: str | None) -> None:
        self._cookie = cookie or None
        self._proven: dict[str, int] = {}
        self.modified = False
        self.accessed = False
        self.is_looked_up = False
        self.is_ended = False

    @cached_property
    def found(self) -> SessionData | None:
        """The person's session as it was at the start of the request; None for visitors."""
        found = sessions.load(self._person_cookie) if self._person_cookie else None
        self.is_looked_up = True
        return found

    @cached_property
    def _data(self) -> dict[str, Any]:
        if self.found is not None:
            return dict(self.found.data)
        return _read_visitor(self._cookie) if self._cookie else {}

    @property
    def organizer(self) -> OrganizerProfile | None:
        """The organizer who is signed in here."""
        return self.found.organizer if self.found else None

    @property
    def participant(self) -> ParticipantProfile | None:
        """The participant who is signed in here."""
        return self.found.participant if self.found else None

    def sign_in(self, *, organizer_id: int | None = None, participant_id: int | None = None) -> None:
        """Make this the session of somebody who just proved who they are, under a new cookie.

        Of a letter for each of several people at one address, the codes of all keep working in this browser.
        """
        self._clear_but(LANGUAGE, BROWSER_SECRET)
        self.is_ended = False
        proven = {"organizer_id": organizer_id, "participant_id": participant_id}
        self._proven = {name: value for name, value in proven.items() if value is not None}

    def sign_out(self) -> None:
        """End the session; what is put in afterwards belongs to a visitor."""
        self._clear_but(LANGUAGE)
        self._proven = {}
        self.is_ended = self.modified = True

    def store(self) -> tuple[str, datetime | None] | None:
        """Write what changed; returns the new cookie and its end (None: with the browser), if there is one.

        An empty cookie means that the browser should forget it.
        """
        if not self.is_looked_up:
            return None
        if self._proven:
            started = sessions.rotate(self._person_cookie, **self._proven, data=self._data)
            return started.cookie, started.ends_at
        if self.found is not None and not self.is_ended:
            if self.modified or self.found.is_due:
                sessions.save(self._person_cookie or "", self.found, self._data)
            return None
        if self.is_ended and self._person_cookie:
            sessions.end(self._person_cookie)
        if not self.modified:
            return None
        return (str(_visitor_serializer().dumps(self._data)) if self._data else ""), None

    def _clear_but(self, *kept: str) -> None:
        for name in self._data.keys() - set(kept):
            del self[name]

    @property
    def _person_cookie(self) -> str | None:
        return self._cookie if self._cookie and _SIGNATURE_MARK not in self._cookie else None

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self._data[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class Sessions(SessionInterface):
    """Opens and saves `Session` for Flask, after the view and in a transaction of its own."""

    def open_session(self, app: Flask, request: Request) -> Session:
        """A session that looks nothing up yet."""
        return Session(request.cookies.get(cookie_name()))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store what changed, and hand the browser its new cookie, if it gets one."""
        ours = cast("Session", session)
        if ours.is_looked_up:
            response.vary.add("Cookie")
        stored = ours.store()
        if stored is None:
            return
        cookie, expires = stored
        response.set_cookie(
            cookie_name(),
            cookie,
            expires=expires if cookie else datetime.fromtimestamp(0, UTC),
            path="/",
            secure=settings().is_https,
            httponly=True,
            samesite="Lax",
        )


def cookie_name() -> str:
    """`__Host-` binds the cookie to this host and https; browsers refuse that prefix over plain http."""
    return "__Host-sneaky" if settings().is_https else "sneaky"


def _visitor_serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(SigningKeys("visitor-session"), salt="visitor")


def _read_visitor(cookie: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = _visitor_serializer().loads(cookie, max_age=int(_VISITOR_FOR.total_seconds()))
    except BadSignature:
        return {}
    return data


def init_app(app: Flask) -> None:
    """Make Flask keep sessions our way."""
    app.session_interface = Sessions()
