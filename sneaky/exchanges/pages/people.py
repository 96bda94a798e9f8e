"""The page that lists participants, and the one that mends one of them."""

from __future__ import annotations

from dataclasses import dataclass

from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import ExchangeFacts, about_exchange, exchange_facts, facts_of, read
from sneaky.exchanges.pages.households import household_names
from sneaky.exchanges.pages.letters import LetterLine, letters_to
from sneaky.exchanges.pages.person_rows import People, PersonRow, list_people, one_person
from sneaky.models import Match


@dataclass(frozen=True)
class ParticipantsPage:
    """The page that lists, adds and searches participants."""

    facts: ExchangeFacts
    people: People
    search: str
    active: int
    unconfirmed: int
    households: tuple[str, ...]
    shows_opened: bool


@dataclass(frozen=True)
class ParticipantPage:
    """One participant, to be mended by the organizer."""

    facts: ExchangeFacts
    person: PersonRow
    households: tuple[str, ...]
    letters: tuple[LetterLine, ...]


_PAGE = about_exchange(
    counts.people(counts.IS_ACTIVE).label("active"),
    counts.people(counts.IS_PENDING).label("unconfirmed"),
    counts.matches(Match.changed_at.is_not(None)).label("changed"),
)


def participants_page(exchange_id: int, *, search: str = "", number: int = 1) -> ParticipantsPage:
    """Page `number` of those whose name, address or household contains `search`; three queries.

    Raises `NotFound` for an unknown exchange.
    """
    row = read(_PAGE, exchange_id)
    return ParticipantsPage(
        facts=facts_of(row),
        people=list_people(exchange_id, search=search, number=number),
        search=search,
        active=row.active,
        unconfirmed=row.unconfirmed,
        households=household_names(exchange_id),
        shows_opened=not 0 < row.changed < row.active,
    )


def participant_page(exchange_id: int, participant_id: int) -> ParticipantPage:
    """One participant of this exchange; four queries. Raises `NotFound` for anybody else's."""
    return ParticipantPage(
        facts=exchange_facts(exchange_id),
        person=one_person(exchange_id, participant_id),
        households=household_names(exchange_id),
        letters=letters_to(participant_id),
    )
