"""What nobody learns from a running instance: who gives to them, and what only the key can open."""

from __future__ import annotations

import pickle
import re
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from sneaky import conversations, wishlists
from sneaky.core.db import db, transaction
from sneaky.draws import reveal
from sneaky.exchanges import participants
from sneaky.models import AuditEntry, MessageAuthor, Participant, TokenPurpose, job_store_table
from sneaky.scheduler.store import PARKED
from tests.access.linking import a_link
from tests.factories import an_organizer
from tests.trust.crawler import crawl
from tests.trust.instance import Browser, Instance, wait_until
from tests.trust.people import PASSWORD, Drawn, a_drawn_exchange, an_account, signed_in
from tests.web.exchanging import name_of, person_id, recipients
from tests.web.signing_in import csrf_token

pytestmark = pytest.mark.slow
TWELVE = (
    *("Anneliese", "Bartholomew", "Clementine", "Desdemona", "Ezekiel", "Florentina"),
    *("Gwendolyn", "Hildegard", "Ignatius", "Josephine", "Konstantin", "Leopoldina"),
)


@pytest.fixture
def twelve(instance: Instance) -> Drawn:
    """Twelve people who have all opened their match, wished, talked and told where they live."""
    drawn = a_drawn_exchange(an_organizer(name="Olga"), *TWELVE, no_reciprocal=True)
    for number, person in enumerate(drawn.people):
        wishlists.add(person, f"Something for shelf {number}", note="In green, please")
        participants.set_postal_address(person, f"{number} Mistletoe Lane")
    for person in drawn.people:
        reveal.reveal(person)
    for person in drawn.people:
        conversations.write(person, MessageAuthor.GIVER, "What size do you wear?")
    for person in drawn.people:
        conversations.write(person, MessageAuthor.RECIPIENT, "Thank you, whoever you are.")
        reveal.mark_gift(person, "has_gift", True)
    return drawn


def of(person: int) -> set[str]:
    """What names this person: by name, address and id."""
    row = db.session.get_one(Participant, person)
    return {row.name, row.email, row.public_id}


def test_no_page_tells_any_of_twelve_who_gives_to_them(instance: Instance, twelve: Drawn) -> None:
    recipient_of = recipients(twelve.id)
    for person in twelve.people:
        seen = crawl(signed_in(instance, participant=person), "/me", "/me/data.json", "/me/event.ics")
        assert len(seen.answers) >= 14
        said = seen.text + "".join(f"{at}{answer.headers}" for at, answer in seen.answers.items())
        assert name_of(recipient_of[person]) in said, "it is their own match that the pages show"
        others = set(twelve.people) - {person, recipient_of[person]}
        told = {word for other in others for word in of(other) if word in said}
        assert told == set(), "their giver is one of these"
        assert not re.search(r"T\d\d:\d\d:\d\d(?!Z)", seen.answers["/me/talk/giver"].text), "days, no moments"


def test_pages_look_the_same_whoever_gives(instance: Instance, twelve: Drawn) -> None:
    """Apart from their own name and their recipient's, all twelve see the same, in the same order."""
    recipient_of, shapes = recipients(twelve.id), set()
    for number, person in enumerate(twelve.people):
        browser, text = signed_in(instance, participant=person), ""
        for page in ("/me", "/me/talk/giver", "/me/talk/recipient", "/me/data"):
            text += re.sub(r'name="csrf_token" value="[^"]+"', "", browser.open(page).text)
        given_to = twelve.people.index(recipient_of[person])
        for word in sorted(of(person) | of(recipient_of[person]), key=len, reverse=True):
            text = text.replace(word, "NAME")
        text = re.sub(rf"\b({number}|{given_to}) Mistletoe Lane|shelf ({number}|{given_to})\b", "THING", text)
        text = re.sub(r"[\w-]{22,}", "ID", text)
        shapes.add(text)
    for one, other in pairwise(sorted(shapes)):
        differing = [
            pair for pair in zip(one.splitlines(), other.splitlines(), strict=True) if len(set(pair)) > 1
        ]
        assert differing == []


def test_no_page_for_organizer_or_admin_joins_a_pair(instance: Instance, twelve: Drawn) -> None:
    pairs = recipients(twelve.id)
    admin = signed_in(instance, organizer=an_organizer(is_admin=True))
    seen = crawl(signed_in(instance, organizer=twelve.organizer), twelve.path, most=60)
    seen.answers |= crawl(admin, "/operations/audit", "/operations/outbox", most=40).answers
    names = {person: name_of(person) for person in twelve.people}
    rows = re.findall(r"<(?:tr|li)\b.*?</(?:tr|li)>", seen.text, flags=re.DOTALL)
    rows = [row for row in rows if any(name in row for name in names.values())]
    assert len(rows) >= len(names)
    for giver, recipient in pairs.items():
        for row in rows:
            is_list_of_many = sum(name in row for name in names.values()) > 2
            assert is_list_of_many or not (names[giver] in row and names[recipient] in row), row


def test_the_log_holds_no_secret_and_the_trail_who_came_in(instance: Instance) -> None:
    email = "waldemar@secrets.example.org"
    organizer = an_account(email)
    drawn = a_drawn_exchange(organizer, "Xanthippe", "Yolanda", "Zacharias")
    browser = Browser(instance)
    browser.press("/sign-in", email=email, password=f"{PASSWORD}?")
    browser.press("/sign-in", email=email, password=PASSWORD)
    guest = Browser(instance)
    token = a_link(drawn.people[0], TokenPurpose.MATCH)
    guest.press(f"/m/{token}", open="match")
    guest.ask("GET", f"/m/{token}/absent")
    guest.ask("POST", f"/m/{token}", form={"csrf_token": "wrong"})
    assert guest.ask("GET", f"/absent/{token}").status == 404
    used = a_link(drawn.people[1])
    for _ in range(2):
        Browser(instance).press(f"/m/{used}", on="/find")
    Browser(instance).press("/code", code="AAAA-BBBB")
    late = a_link(None, TokenPurpose.PASSWORD_RESET, organizer_id=organizer)
    Browser(instance).press(f"/reset/{late}x", on="/find", password=PASSWORD)
    assert browser.ask("GET", "/operations/jobs").status == 404
    form = csrf_token(browser.open(f"{drawn.path}/erase").text)
    name = re.findall(r"Family Christmas \d+", browser.open(f"{drawn.path}/erase").text)[0]
    browser.ask("POST", f"{drawn.path}/cancel", form={"csrf_token": form, "name": name})
    browser.ask("POST", f"{drawn.path}/erase", form={"csrf_token": form, "name": name})
    secrets = [
        email,
        PASSWORD,
        token,
        used,
        late,
        browser.cookie,
        guest.cookie,
        form,
        "Xanthippe",
        "AAAA-BBBB",
    ]
    secrets.append(instance.settings.secret_key.decode())
    assert [secret for secret in secrets if secret in instance.log] == []
    assert "Traceback" not in instance.log
    trail = db.session.scalars(select(AuditEntry)).all()
    assert [secret for secret in secrets if secret in str([entry.details for entry in trail])] == []
    assert {entry.action for entry in trail} >= {
        "organizer.sign_in_refused",
        "organizer.link_refused",
        "participant.link_refused",
        "participant.code_refused",
        "page.refused",
        "organizer.signed_in",
        "participant.signed_in",
        "draw.conducted",
        "match.revealed",
        "exchange.erased",
    }


class Planted:
    """What a thief would leave in the job store: loading it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_a_row_planted_in_the_job_store_is_parked_and_never_run(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "was_here"
    pickled = pickle.dumps(Planted(file))
    row = {"id": "planted", "next_run_time": 1.0, "job_state": pickled}
    with transaction() as session:
        session.execute(job_store_table.insert().values(**row))

    def is_parked() -> bool:
        db.session.remove()
        ids = db.session.scalars(select(job_store_table.c.id)).all()
        return any(stored.startswith(PARKED) and "planted" in stored for stored in ids)

    wait_until(is_parked, "the row is parked")
    assert not file.exists()
    assert Browser(instance).open("/healthz").status == 200
    pickle.loads(pickled)  # noqa: S301  (the test's own row)
    assert file.exists(), "it would have been"


def test_ids_in_addresses_are_chance(instance: Instance) -> None:
    drawn = a_drawn_exchange(an_organizer(), "Ann", "Bob", "Cleo")
    names = [person_id(person) for person in drawn.people] + [drawn.path.rpartition("/")[2]]
    assert all(re.fullmatch(r"[\w-]{22}", name) for name in names), "128 bits"
    assert len(set(names)) == 4
