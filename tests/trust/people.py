"""People of the running instance: organizers with exchanges, participants, and the browsers they use."""

from __future__ import annotations

from dataclasses import dataclass

from sneaky.access import organizers, sessions
from sneaky.draws import conduct
from tests.factories import a_participant, an_exchange
from tests.trust.instance import Browser, Instance
from tests.web.exchanging import path_of

PASSWORD = "mulled wine and nutmeg"


@dataclass(frozen=True)
class Drawn:
    """An exchange whose names are drawn: who organizes it, where its pages are, and who takes part."""

    organizer: int
    id: int
    path: str
    people: list[int]


def an_account(email: str, *, is_admin: bool = False) -> int:
    """An organizer who can sign in with `PASSWORD`."""
    return organizers.create(email.split("@")[0].title(), email, PASSWORD, is_admin=is_admin)


def a_drawn_exchange(organizer: int, *names: str, **values: object) -> Drawn:
    """An exchange of this organizer in which people of these names have each other's."""
    exchange = an_exchange(organizer, **values)
    people = [
        a_participant(exchange, name=name, email=f"{name.lower()}.{exchange}@example.org") for name in names
    ]
    conduct.conduct_draw(exchange, even_if_mail_unproven=True)
    return Drawn(organizer, exchange, path_of(exchange), people)


def signed_in(instance: Instance, *, organizer: int | None = None, participant: int | None = None) -> Browser:
    """The browser of somebody who came in before."""
    started = sessions.rotate(None, organizer_id=organizer, participant_id=participant, data={})
    return Browser(instance, cookie=started.cookie)
