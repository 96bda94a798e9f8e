"""Many people at once, from pasted or uploaded lines “name, e-mail”, shown before they are added."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from sneaky.access import addresses
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken, words
from sneaky.core.typed import line
from sneaky.exchanges import complaints, households
from sneaky.exchanges.rows import held_exchange, refuse_once_drawn
from sneaky.exchanges.seats import MOST_PARTICIPANTS, refuse_full, take_seat
from sneaky.models import Participant, ParticipantState
from sneaky.models.columns import NAME_LENGTH

MOST_LINES = MOST_PARTICIPANTS
_STATE = 3  # the cell in which our own export says who withdrew
_LONGEST_LINE = 2_000  # more than a name, an address and a household; what follows is not read
_QUOTED = re.compile(r'"[^"]*"')
_HEADINGS = frozenset(
    {"name", "e-mail", "email", "mail", "address", "adresse", "household", "haushalt", "state"}
)


@dataclass(frozen=True)
class PreviewRow:
    """One line as it was understood; with a `problem` nobody is added."""

    name: str
    email: str
    household: str = ""
    problem: RuleBroken | None = None

    def blamed(self, field: str) -> RuleBroken:
        """The problem as that of `field`, with whose line it is."""
        who = self.name or self.email
        return RuleBroken("%(who)s: %(problem)s", who=who, problem=self.problem, field=field)


@dataclass(frozen=True)
class Preview:
    """What a list would add, line by line."""

    rows: list[PreviewRow]

    @property
    def good(self) -> list[PreviewRow]:
        """The rows that can be added."""
        return [row for row in self.rows if row.problem is None]


def read_lines(text: str, exchange_id: int | None = None) -> Preview:
    """Read lines “name, e-mail” or “name, e-mail, household”, parted by comma, semicolon or tab.

    “Name <e-mail>” is understood, a heading and blank lines are left out. Each row says what is wrong with
    it: no address, the same address twice, withdrawn in the exchange that the list was exported from, or
    (with `exchange_id`) already taking part. Adds nobody. Raises `RuleBroken` (field `lines`) for more lines
    than an exchange takes.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip(" ,;\t")]
    if len(lines) > MOST_LINES:
        raise RuleBroken("Please give at most %(most)s lines at once.", most=MOST_LINES, field="lines")
    taken = set() if exchange_id is None else _taking_part(exchange_id)
    seen: set[str] = set()
    rows = []
    for number, cells in enumerate(map(_cells, lines)):
        if number == 0 and {cell.casefold() for cell in cells} <= _HEADINGS:
            continue
        row = _read(cells, taken, seen)
        seen.add(row.email)
        rows.append(row)
    return Preview(rows)


def add_lines(exchange_id: int, text: str, *, field: str) -> int:
    """Add everybody whom the lines name, all or none of them; returns how many people are new.

    Raises `RuleBroken` (on `field`) with the first line that has a problem.
    """
    rows = read_lines(text, exchange_id).rows
    for row in rows:
        if row.problem:
            raise row.blamed(field)
    return add_many(exchange_id, rows)


def add_many(exchange_id: int, rows: Iterable[PreviewRow]) -> int:
    """Add the rows without a problem, all or none of them; returns how many people are new.

    Whoever takes part already is left as they are, and whoever comes back stays in their household unless the
    row names another. Raises `RuleBroken` after the draw.
    """
    chosen = {row.email: row for row in rows if row.problem is None}
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, "Use “Somebody leaves or joins”; it changes as few matches as possible.")
        homes = households.find_or_make_all(session, exchange_id, {row.household for row in chosen.values()})
        known = _known(session, exchange_id)
        newcomers = [row for row in chosen.values() if row.email not in known]
        return _bring_back(session, exchange_id, chosen, homes) + _insert(
            session, exchange_id, newcomers, homes
        )


def _bring_back(
    session: Session, exchange_id: int, chosen: Mapping[str, PreviewRow], homes: Mapping[str, int | None]
) -> int:
    """Give those who are known and do not take part their seat again; all at once, since they may be many."""
    away = session.scalars(
        select(Participant).where(
            Participant.exchange_id == exchange_id,
            ~Participant.is_guarded,
            Participant.state != ParticipantState.ACTIVE,
        )
    )
    number = 0
    for person in away:
        if row := chosen.get(person.email):
            take_seat(person, row.name, ParticipantState.ACTIVE)
            if row.household:
                person.household_id = homes[row.household]
            number += 1
    return number


def _insert(
    session: Session, exchange_id: int, rows: Sequence[PreviewRow], homes: Mapping[str, int | None]
) -> int:
    refuse_full(session, exchange_id, len(rows))
    at, complained = now(), complaints.known(session)
    people = [
        {
            "exchange_id": exchange_id,
            "name": row.name,
            "email": row.email,
            "household_id": homes[row.household],
            "state": ParticipantState.ACTIVE,
            "created_at": at,
            **complaints.first_choices(complained.get(row.email)),
        }
        for row in rows
    ]
    if people:
        session.execute(insert(Participant), people)
    return len(people)


def _cells(text: str) -> list[str]:
    text = text[:_LONGEST_LINE]
    bare = _QUOTED.sub("", text)
    separator = next((mark for mark in "\t;" if mark in bare), ",")  # names may hold a comma
    row = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    return [cell.strip() for cell in row]


def _read(cells: list[str], taken: set[str], seen: set[str]) -> PreviewRow:
    name, email, household = _sorted_out(cells)
    try:
        name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
        household = line(
            household,
            field="household",
            called=words("The household"),
            longest=NAME_LENGTH,
            is_required=False,
        )
        email = addresses.normalise(email)
    except RuleBroken as broken:
        return PreviewRow(name, email, household, broken)
    if cells[_STATE:] == [ParticipantState.WITHDRAWN.value]:  # a table of ours tells of them, too
        left = RuleBroken("had left; without the last column they are added all the same")
        return PreviewRow(name, email, household, left)
    if email in seen:
        return PreviewRow(name, email, household, RuleBroken("this address stands in the list twice"))
    if email in taken:
        return PreviewRow(name, email, household, RuleBroken("takes part already"))
    return PreviewRow(name, email, household)


def _sorted_out(cells: list[str]) -> tuple[str, str, str]:
    """Name, address and household of one line, whichever of the first two comes first."""
    if len(cells) == 1:
        name, email = parseaddr(cells[0])
        return (name, email, "") if "@" in email else (cells[0], "", "")
    first, second, *rest = cells
    if "@" in first and "@" not in second:
        name, email = parseaddr(first)
        if name:
            return name, email, second
        first, second = second, first
    return first, parseaddr(second)[1] or second, rest[0] if rest else ""


def _known(session: Session, exchange_id: int) -> dict[str, ParticipantState]:
    rows = session.execute(
        select(Participant.email, Participant.state).where(
            Participant.exchange_id == exchange_id, ~Participant.is_guarded
        )
    )
    return {row.email: row.state for row in rows}


def _taking_part(exchange_id: int) -> set[str]:
    known = _known(db.session(), exchange_id)
    return {email for email, state in known.items() if state is ParticipantState.ACTIVE}
