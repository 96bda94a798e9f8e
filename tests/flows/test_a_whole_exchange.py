"""A whole exchange, from the first run to erasure, against a real server, mail server and clock."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.instance import Instance, eventually
from tests.flows.visitor import Visitor
from tests.mail_server import MailServer, Received

# So long that none of them stands in a random id or link by chance.
GUESTS = [
    "Barnaby", "Carlotta", "Davinia", "Ezechiel", "Fernando", "Griselda",
    "Hyacinth", "Isolde", "Junichi", "Kofoworola", "Leonora",
]  # fmt: skip
EVERYBODY = ["Olga", *GUESTS]
PASSWORD = "mulled wine and nutmeg"
# Between the first and the second reminder New York leaves summer time, on 7 November 2027.
EVENT = datetime(2027, 11, 10, 18)  # noqa: DTZ001  (wall time in New York)
REMINDERS = {
    7: datetime(2027, 11, 3, 22, tzinfo=UTC),
    3: datetime(2027, 11, 7, 23, tzinfo=UTC),
    1: datetime(2027, 11, 9, 23, tzinfo=UTC),
}
COMPLETED = datetime(2027, 11, 11, 0, tzinfo=UTC)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def instance(tmp_path: Path, mail: MailServer) -> Iterator[Instance]:
    served = Instance(tmp_path, mail_port=mail.port, starts_at=datetime(2027, 10, 20, 12, tzinfo=UTC))
    served.start()
    yield served
    served.stop()


def address(name: str) -> str:
    return f"{name.lower()}@example.org"


def letters(mail: MailServer, about: str) -> list[Received]:
    """The letters taken whose subject holds `about`."""
    return [letter for letter in list(mail.received) if about in str(letter.message["subject"])]


def letter_to(mail: MailServer, name: str, about: str) -> str:
    """The plain text of the newest such letter to this person, once it has come."""
    come = eventually(
        lambda: [letter for letter in letters(mail, about) if letter.to == address(name)],
        f"a letter “{about}” for {name}; came: {[str(one.message['subject']) for one in mail.received]}",
    )
    body = come[-1].message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(text: str) -> str:
    """The magic link of a letter."""
    (link,) = set(re.findall(r"http://\S+/m/[\w-]+", text))
    return str(link)


def box(visitor: Visitor, label: str, *, is_checked: bool = False) -> dict[str, str]:
    """The name and value of the box with this label."""
    mark = " checked" if is_checked else ""
    shape = rf'name="([\w-]+)" value="([\w-]+)"{mark}><span[^>]*>{label}<'
    ((name, value),) = re.findall(shape, visitor.text)
    return {name: value}


def check(instance: Instance) -> None:
    """`sneaky check` finds every promise kept."""
    words = [sys.executable, "-m", "sneaky", "check", "--json"]
    done = subprocess.run(words, env=instance.environment, capture_output=True, check=False)
    assert json.loads(done.stdout)["findings"] == []


def stored(instance: Instance) -> bytes:
    """Every byte that SQLite keeps: the file, its log and its index."""
    return b"".join(file.read_bytes() for file in (instance.folder / "data").glob("sneaky.db*"))


def state_of(instance: Instance) -> str | None:
    """The state of the one exchange, read beside the server; None when it is gone."""
    with sqlite3.connect(instance.folder / "data" / "sneaky.db") as database:
        row = database.execute("SELECT state FROM exchange").fetchone()
    database.close()
    return row[0] if row else None


def joined(instance: Instance, mail: MailServer, name: str, join_link: str) -> Visitor:
    """Join, confirm by the letter's link (looking at it alone does nothing), and wish for something."""
    visitor = Visitor(instance.url)
    visitor.open(join_link).submit(
        "I take part",
        name=name,
        email=address(name),
        household_name="The Bells" if name in {"Barnaby", "Carlotta"} else "",
    )
    link = link_in(letter_to(mail, name, "Confirm"))
    visitor.open(link).open(link).submit("I take part")
    assert visitor.status == 200
    visitor.open("/me/wish-list").submit(title=f"Wool socks for {name}")
    assert f"Wool socks for {name}" in visitor.text
    return visitor


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_whole_exchange_from_the_first_run_to_erasure(instance: Instance, mail: MailServer) -> None:
    olga = Visitor(instance.url).open(instance.setup_link)
    olga.submit(name="Olga", email=address("Olga"), password=PASSWORD)
    olga.open("/exchanges/new").submit(
        name="Thanksgiving friends",
        event_local=EVENT.isoformat(),
        zone="America/New_York",
        budget="25",
        currency="USD",
        reminder_days="7, 3, 1",
        takes_part="y",
    )
    exchange = olga.url.removeprefix(instance.url)
    (join_link,) = set(re.findall(r"http://[^\"<]+/j/[\w-]+", olga.text))
    guests = {name: joined(instance, mail, name, join_link) for name in GUESTS}

    olga.open(f"{exchange}/rules").submit(**box(olga, "Davinia must not give to Ezechiel"))
    assert box(olga.open(f"{exchange}/rules"), "Davinia must not give to Ezechiel", is_checked=True)

    olga.open(f"{exchange}/draw").submit("Draw now")
    eventually(lambda: len(letters(mail, "envelope")) == 12, "12 match letters")
    match_letters = letters(mail, "envelope")
    assert {letter.to for letter in match_letters} == {address(name) for name in EVERYBODY}
    for letter in match_letters:
        others = set(EVERYBODY) - {letter.to.split("@")[0].capitalize(), "Olga"}
        assert not [name for name in others if name in letter.message.as_string()]
    check(instance)

    barnaby = guests["Barnaby"]
    recipient = revealed_to(barnaby, link_in(letter_to(mail, "Barnaby", "envelope")))
    assert recipient not in {"Barnaby", "Carlotta"}
    if recipient in guests:
        assert f"Wool socks for {recipient}" in barnaby.text

    instance.kill()
    instance.travel_while_down(datetime(2027, 11, 1, 12, tzinfo=UTC))
    instance.start()
    for days, due in REMINDERS.items():
        reminded_at(instance, mail, due, days)
    assert len(letters(mail, "Thanksgiving friends")) >= 36

    instance.travel(COMPLETED - timedelta(seconds=30))
    assert state_of(instance) == "matched"
    instance.travel(COMPLETED + timedelta(seconds=1))
    eventually(lambda: state_of(instance) == "completed", "the exchange is completed")
    check(instance)

    instance.travel(COMPLETED + timedelta(days=22, hours=23))
    assert not letters(mail, "erased")
    instance.travel(COMPLETED + timedelta(days=23, hours=2, seconds=5))
    letter_to(mail, "Olga", "erased")

    instance.travel(COMPLETED + timedelta(days=29, hours=23))
    assert state_of(instance) == "completed"
    instance.travel(COMPLETED + timedelta(days=30, hours=2, seconds=5))
    eventually(lambda: state_of(instance) is None, "the exchange is erased")
    check(instance)
    assert instance.stop() == 0
    kept = stored(instance)
    traces = [what for name in GUESTS for what in (name, address(name)) if what.encode() in kept]
    assert traces == []
    assert b"Thanksgiving" not in kept
    assert not [name for name in GUESTS if address(name) in instance.log]


def revealed_to(visitor: Visitor, link: str) -> str:
    """Open the letter's link, see it sealed, press once, and read the name."""
    visitor.open(link)
    assert "Break the seal" in visitor.text
    visitor.submit("Break the seal")
    names = [name for name in EVERYBODY if re.search(rf">\s*{name}\s*<", visitor.text)]
    assert len(names) == 1, visitor.text
    return names[0]


def reminded_at(instance: Instance, mail: MailServer, due: datetime, days: int) -> None:
    """Shortly before `due` nobody has been reminded, shortly after it everybody has, once."""
    before = len(mail.received)
    instance.travel(due - timedelta(seconds=20))
    assert len(mail.received) == before, f"reminded too early, {days} days before"
    instance.travel(due + timedelta(seconds=1))
    eventually(lambda: len(mail.received) >= before + 12, f"12 reminders {days} days before")
    fresh = mail.received[before:]
    assert sorted(letter.to for letter in fresh) == sorted(address(name) for name in EVERYBODY)
