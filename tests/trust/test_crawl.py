"""Four browsers follow every link of a running instance that is full of examples and of hostile texts."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO

import pytest
from sqlalchemy import select

from sneaky import conversations, wishlists
from sneaky.cli import demo
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken
from sneaky.draws import conduct, reveal
from sneaky.exchanges import households, join_links, participants
from sneaky.models import Exchange, MessageAuthor, Participant
from tests.factories import a_participant, an_exchange
from tests.faults.processes import rounds
from tests.hostile import HOSTILE
from tests.trust.crawler import MARK, Crawl, alarms_in, crawl
from tests.trust.instance import Browser, Instance
from tests.trust.people import an_account, signed_in
from tests.web.exchanging import path_of, person_id
from tests.web.signing_in import csrf_token

pytestmark = pytest.mark.slow
IS_FULL = rounds(0, 1) == 1
# Every text stands for its kind in the daily run; all of them are tried in the full rounds.
TEXTS = HOSTILE if IS_FULL else HOSTILE[::4]


@dataclass(frozen=True)
class Place:
    """Examples and hostile texts in one instance: who runs it, a participant who sees much, a join link."""

    admin: int
    hostile: int
    guest: int
    join_path: str


@pytest.fixture(scope="module")
def place(served: Instance) -> Place:
    """The instance, filled once."""
    with served.inside():
        admin = an_account("crawled@example.org", is_admin=True)
        demo._drawn_family(admin)
        demo._office_that_registers(admin)
        demo._choir_that_is_over(admin)
        demo._past_runs()
        hostile, guest = a_hostile_exchange(admin)
        office = db.session.scalars(select(Exchange.id).where(Exchange.name == "Office Wichteln")).one()
        join_links.replace(office)
        link = join_links.current(office) or ""
        return Place(admin, hostile, guest, link.removeprefix(served.settings.base_url))


def a_hostile_exchange(organizer: int) -> tuple[int, int]:
    """Everybody in it has a hostile name, wish and household, and has said something hostile."""
    exchange = an_exchange(organizer, name=HOSTILE[0], place=HOSTILE[5], message=HOSTILE[4])
    people = []
    for number, text in enumerate(TEXTS):
        person = a_participant(exchange, name=f"Guest {number}", email=f"guest{number}@hostile.example")
        people.append(person)
        with suppress(RuleBroken):
            participants.rename(person, text)
        with suppress(RuleBroken):
            households.assign(person, f"{text}{number // 2}"[:100])
        with suppress(RuleBroken):
            wishlists.add(person, text or "-", note=text)
        with suppress(RuleBroken):
            wishlists.add(person, "A link", text)
        with suppress(RuleBroken):
            participants.set_postal_address(person, text)
    with transaction() as session:
        for row in session.scalars(select(Participant).where(Participant.id.in_(people[::2]))):
            row.household_id = None
    conduct.conduct_draw(exchange, even_if_mail_unproven=True)
    for person, text in zip(people, TEXTS, strict=True):
        reveal.reveal(person)
        for side in MessageAuthor:
            with suppress(RuleBroken):
                conversations.write(person, side, text)
    return exchange, people[0]


def assert_clean(done: Crawl, *, at_least: int) -> None:
    assert done.complaints == []
    assert len(done.answers) >= at_least, sorted(done.answers)


def test_a_visitor_finds_nothing_amiss(instance: Instance, place: Place) -> None:
    starts = ["/", place.join_path, "/m/made-up", "/reset/made-up", f"/{MARK}", f"/find?{MARK}={MARK}"]
    starts += [f"/sign-in?next=/{MARK}", f"/static/{MARK}", f"/u/{MARK}", f"/j/{MARK}", "/operations/x"]
    done = crawl(Browser(instance), *[start.replace(" ", "%20") for start in starts])
    assert_clean(done, at_least=18)


def test_a_participant_finds_nothing_amiss(instance: Instance, place: Place) -> None:
    for guest in (place.guest, place.guest + TEXTS.index("<img src=x onerror=alert(1)>")):
        browser = signed_in(instance, participant=guest)
        assert_clean(crawl(browser, "/", "/me/wish-list?page=9", f"/me/wish-list/{MARK}"), at_least=15)


def test_an_organizer_finds_nothing_amiss(instance: Instance, place: Place) -> None:
    browser = signed_in(instance, organizer=place.admin)
    begin = [path_of(place.hostile, page) for page in ("", "participants", "rules", "letters", "repair")]
    begin += [f"{path_of(place.hostile, 'participants')}?q={MARK}", f"{path_of(place.hostile)}/{MARK}"]
    done = crawl(browser, *begin, "/", most=400 if IS_FULL else 90)
    assert_clean(done, at_least=80)
    assert "&lt;img src=x onerror=alert(1)&gt;" in done.text


def test_the_admin_finds_nothing_amiss(instance: Instance, place: Place) -> None:
    browser = signed_in(instance, organizer=place.admin)
    begin = [
        f"/operations/audit?action={MARK}",
        f"/operations/executions?job={MARK}&state={MARK}",
        "/metrics",
    ]
    begin += [f"/operations/outbox?state={MARK}", f"/operations/jobs/{MARK}", f"/operations/letters/{MARK}"]
    done = crawl(browser, "/operations", *begin, most=300 if IS_FULL else 60)
    assert_clean(done, at_least=50)


def test_files_to_take_along_carry_nothing_that_acts(instance: Instance, place: Place) -> None:
    here = path_of(place.hostile)
    organizer = signed_in(instance, organizer=place.admin)
    table = organizer.ask("GET", f"{here}/export.csv")
    cells = [cell for row in csv.reader(StringIO(table.text.lstrip("\ufeff"))) for cell in row]
    assert len(cells) > len(TEXTS)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []
    entry = signed_in(instance, participant=place.guest).ask("GET", "/me/event.ics")
    for mark in ("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT"):
        assert len(re.findall(rf"^{mark}\r?$", entry.text, flags=re.MULTILINE)) == 1
    for answer in (table, entry, organizer.ask("GET", f"{here}/export.json")):
        assert answer.status == 200
        told, _, name = answer.headers["content-disposition"].partition("; filename=")
        assert told == "attachment"
        assert not re.search(r"[/\\:<>|]", name.partition(";")[0])


def test_hostile_texts_in_every_field_of_every_form_come_back_harmless(
    instance: Instance, place: Place
) -> None:
    """A form that refuses a text shows it again; a script in it does not run, and nothing breaks."""
    organizer, guest = (
        signed_in(instance, organizer=place.admin),
        signed_in(instance, participant=place.guest),
    )
    here = path_of(place.hostile)
    person = f"{here}/participants/{person_id(place.guest)}"
    forms: list[tuple[Browser, str, tuple[str, ...]]] = [
        (
            organizer,
            "/exchanges/new",
            ("name", "zone", "place", "budget", "currency", "message", "reminder_days"),
        ),
        (organizer, f"{here}/participants/list", ("lines",)),
        (organizer, person, ("name", "email", "household")),
        (organizer, f"{here}/reminders", ("days",)),
        (organizer, f"{here}/cancel", ("name",)),
        (organizer, f"{here}/repair", ("leaving", "joining", "swapping_names")),
        (organizer, "/account", ("name", "locale", "zone")),
        (guest, "/me/wish-list", ("title", "url", "note")),
        (guest, "/me/preferences", ("locale", "zone")),
        (guest, "/me/forget", ("name",)),
        (Browser(instance), place.join_path, ("name", "email", "household_name", "ideas")),
        (Browser(instance), "/sign-in", ("email", "password")),
        (Browser(instance), "/code", ("code",)),
    ]
    for browser, address, fields in forms:
        token = csrf_token(browser.open(address).text)
        for text in HOSTILE if IS_FULL else HOSTILE[1::13]:
            form = dict.fromkeys(fields, f"{text}!") | {"csrf_token": token}
            answer = browser.ask("POST", address, form=form)
            assert answer.status < 500, (address, text)
            assert "x-evil" not in answer.headers
            assert alarms_in(answer.text) == [], (address, text)
