"""What the demo does not show, put beside it: every state that an exchange, a person or a link can be in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from sneaky.access import magic_links, organizers, sessions
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import conduct, repair, reveal
from sneaky.exchanges import copying, exclusions, join_links, lifecycle, participants
from sneaky.exchanges.fields import ExchangeFields
from sneaky.executions import overrides
from sneaky.jobs import drawing
from sneaky.models import (
    Exchange,
    JobExecution,
    Letter,
    LetterKind,
    LetterState,
    Organizer,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.outbox import links
from sneaky.wishlists import lists
from tests.factories import a_participant, an_organizer

_MANY = 60
_WEEK = timedelta(days=7)


@dataclass
class Scenes:
    """Where the pages are: parts of addresses by name, and the cookie of everybody who looks at one."""

    places: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)


def set_up() -> Scenes:
    """Add the states that the demo lacks, inside an app context, and sign everybody in."""
    scenes = Scenes()
    olga = _id_of(Organizer.id, Organizer.name, "Olga")
    _of_the_demo(scenes)
    _exchanges_before_the_draw(scenes, olga)
    _exchanges_after_the_draw(scenes, olga)
    _draws_by_the_clock(scenes, olga)
    _troubled_letters(scenes)
    _links(scenes, olga)
    overrides.set_paused("cleanup_expired_sessions", True)
    organizers.invite(olga, "pia@example.org")
    beginner = an_organizer(name="Ottilie")
    scenes.cookies |= {"olga": _cookie(organizer_id=olga), "beginner": _cookie(organizer_id=beginner)}
    return scenes


def _of_the_demo(scenes: Scenes) -> None:
    """The three exchanges of the demo, and somebody in each stage of them."""
    for place, name in (
        ("family", "Family Christmas"),
        ("office", "Office Wichteln"),
        ("choir", "Choir of St. Mary"),
    ):
        scenes.places[place] = db.session.scalars(
            select(Exchange.public_id).where(Exchange.name == name)
        ).one()
    for name in ("Ann", "Bob", "Greta", "Hugo", "Ida", "Grandma Rose", "Jun", "Kofi", "Zoë"):
        person = _id_of(Participant.id, Participant.name, name)
        scenes.cookies[name] = _cookie(participant_id=person)
        scenes.places[name] = _public_id(person)
    ann = _id_of(Participant.id, Participant.name, "Ann")
    jun = _id_of(Participant.id, Participant.name, "Jun")
    lists.add(jun, "A teapot", "https://example.org/pot", "Blue, if there is one.")
    scenes.places["wish"] = lists.items(ann)[0].public_id
    participants.set_postal_address(ann, "Ann Miller\nBakery Lane 4\n10115 Berlin")
    office = db.session.scalars(
        select(Exchange.id).where(Exchange.public_id == scenes.places["office"])
    ).one()
    pending = a_participant(office, name="Vera", state=ParticipantState.PENDING, confirmed_at=None)
    gone = a_participant(office, name="Willem", state=ParticipantState.WITHDRAWN)
    scenes.places |= {
        "Vera": _public_id(pending),
        "join": (join_links.current(office) or "").rpartition("/")[2],
    }
    scenes.cookies["gone"] = _cookie(participant_id=gone)
    failed = select(JobExecution.public_id).where(JobExecution.state == "failed")
    fine = select(JobExecution.public_id).where(JobExecution.state == "succeeded")
    scenes.places |= {
        "failed_run": db.session.scalars(failed.limit(1)).one(),
        "run": db.session.scalars(fine.limit(1)).one(),
        "reminder": f"reminder_exchange_{_exchange_number(scenes.places['family'])}_days_7",
    }


def _exchanges_before_the_draw(scenes: Scenes, organizer_id: int) -> None:
    """A draft, one that is new, one whose rules leave no draw, and one of many people."""
    office = _exchange_number(scenes.places["office"])
    draft = copying.copy(office)
    new = _exchange(organizer_id, "Brand new")
    stuck = _exchange(organizer_id, "Three who quarrel")
    people = [
        participants.add(stuck, name, f"{name.lower()}@example.net")
        for name in ("Xaver", "Yara", "Zita", "Wim")
    ]
    for other in people[1:]:
        exclusions.exclude(stuck, people[0], other, is_mutual=False)
    many = _exchange(organizer_id, "The whole village")
    neighbours = [participants.add(many, f"Neighbour {n}", f"n{n}@example.net") for n in range(1, _MANY + 1)]
    for giver, recipient in pairwise(neighbours[:20]):
        exclusions.exclude(many, giver, recipient, is_mutual=True)
    closed = _exchange(organizer_id, "List is full")
    for name in ("Ada", "Ben", "Cleo", "Dirk"):
        participants.add(closed, name, f"{name.lower()}@example.net")
    scenes.places["closed_join"] = (join_links.current(closed) or "").rpartition("/")[2]
    lifecycle.close_registration(closed)
    small = _exchange(organizer_id, "A small round")
    for name in ("Ada", "Ben", "Cleo", "Dirk", "Enno"):
        participants.add(small, name, f"{name.lower()}@example.net")
    for place, exchange_id in (
        ("small", small),
        ("draft", draft),
        ("new", new),
        ("stuck", stuck),
        ("many", many),
        ("closed", closed),
    ):
        scenes.places[place] = _exchange_place(exchange_id)


def _exchanges_after_the_draw(scenes: Scenes, organizer_id: int) -> None:
    """One drawn just now that nobody opened, one that was mended, one called off."""
    fresh, mended, off = (
        _exchange(organizer_id, name) for name in ("Drawn just now", "Mended", "Called off")
    )
    people = {}
    for exchange_id in (fresh, mended, off):
        names = ("Aiko", "Basil", "Cem", "Dora", "Emil", "Fritzi")
        people[exchange_id] = [
            participants.add(exchange_id, name, f"{name.lower()}@example.com", is_guarded=name == "Aiko")
            for name in names
        ]
        conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    participants_of_mended = people[mended]
    for person in participants_of_mended[:3]:
        reveal.reveal(person)
    repair.apply(mended, repair.Repair(swapping=(participants_of_mended[0],)))
    lifecycle.cancel(off)
    scenes.cookies |= {
        "changed": _cookie(participant_id=participants_of_mended[0]),
        "called_off": _cookie(participant_id=people[off][0]),
    }
    for place, exchange_id in (("fresh", fresh), ("mended", mended), ("off", off)):
        scenes.places[place] = _exchange_place(exchange_id)
    scenes.places["Basil"] = _public_id(people[fresh][1])


def _draws_by_the_clock(scenes: Scenes, organizer_id: int) -> None:
    """Two draws asked of the clock, as for large exchanges: one it makes, one it has to refuse."""
    large = _exchange(organizer_id, "Drawn by the clock")
    for name in ("Ada", "Ben", "Cleo", "Dirk"):
        participants.add(large, name, f"{name.lower()}@example.net")
    stuck = _exchange_number(scenes.places["stuck"])
    scenes.places |= {
        "large": _exchange_place(large),
        "made": drawing.ask_for_draw(large, organizer_id=organizer_id),
        "refused": drawing.ask_for_draw(stuck, organizer_id=organizer_id),
    }


def _troubled_letters(scenes: Scenes) -> None:
    """One letter of the family given up, one that is tried again tomorrow."""
    family = _exchange_number(scenes.places["family"])
    troubles = (
        ("Grandma Rose", LetterState.DEAD, "550 5.1.1 <grandma@example.org>: this mailbox does not exist"),
        ("Ida", LetterState.FAILED, "451 4.7.1 greylisted, come back later"),
    )
    with transaction() as session:
        for name, state, error in troubles:
            person = _id_of(Participant.id, Participant.name, name)
            letter = session.scalars(
                select(Letter).where(
                    Letter.participant_id == person,
                    Letter.exchange_id == family,
                    Letter.kind == LetterKind.MATCH,
                )
            ).one()
            letter.state, letter.error, letter.attempts = state, error, 2
            letter.settled_at = now() if state is LetterState.DEAD else None
            letter.next_try_at = now() + timedelta(days=1)


def _links(scenes: Scenes, organizer_id: int) -> None:
    """Links in every state that one can have."""
    rose = _id_of(Participant.id, Participant.name, "Grandma Rose")
    jun = _id_of(Participant.id, Participant.name, "Jun")

    def mint(purpose: TokenPurpose, **about: Any) -> str:
        with transaction():
            return links.mint(purpose, **({"lifetime": _WEEK} | about)).token

    def of(person: int) -> dict[str, Any]:
        row = db.session.get_one(Participant, person)
        return {"participant_id": person, "exchange_id": row.exchange_id, "email": row.email}

    scenes.places |= {
        "match_link": mint(TokenPurpose.MATCH, **of(rose)),
        "confirm_link": mint(TokenPurpose.CONFIRM_REGISTRATION, **of(jun)),
        "sign_in_link": mint(TokenPurpose.SIGN_IN, **of(jun)),
        "used_link": mint(TokenPurpose.SIGN_IN, **of(jun)),
        "old_link": mint(TokenPurpose.SIGN_IN, **of(jun) | {"lifetime": -_WEEK}),
        "reset": mint(TokenPurpose.PASSWORD_RESET, organizer_id=organizer_id, email="olga@example.org"),
        "invitation": mint(TokenPurpose.ORGANIZER_INVITATION, email="quirin@example.org"),
        "unsubscribe": links.unsubscribe_token(rose),
    }
    magic_links.redeem(scenes.places["used_link"])


def _exchange(organizer_id: int, name: str) -> int:
    day = now() + timedelta(days=40)
    evening = datetime(day.year, day.month, day.day, 18)  # noqa: DTZ001  (wall time)
    fields = ExchangeFields(name=name, event_local=evening, zone="America/New_York")
    return lifecycle.create(organizer_id, fields)


def _id_of(key: Any, column: Any, name: str) -> int:
    found: int = db.session.scalars(select(key).where(column == name).limit(1)).one()
    return found


def _public_id(participant_id: int) -> str:
    return db.session.get_one(Participant, participant_id).public_id


def _exchange_place(exchange_id: int) -> str:
    return db.session.get_one(Exchange, exchange_id).public_id


def _exchange_number(public_id: str) -> int:
    return db.session.scalars(select(Exchange.id).where(Exchange.public_id == public_id)).one()


def _cookie(**who: int) -> str:
    return sessions.rotate(None, **who, data={}).cookie
