"""The items of a wish list, changed only by the one who wishes."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.core.tokens import new_public_id
from sneaky.core.typed import line, paragraphs
from sneaky.matches import seals
from sneaky.models import Exchange, ExchangeState, Match, Participant, WishListItem

MOST_ITEMS = 50
TITLE_LENGTH = 200
URL_LENGTH = 2000
NOTE_LENGTH = 1000


@dataclass(frozen=True)
class Item:
    """One idea: a title, and where it helps a link and a note."""

    public_id: str
    title: str
    url: str
    note: str


def items(participant_id: int) -> list[Item]:
    """The wish list of a participant, oldest item first."""
    rows = db.session.execute(
        select(WishListItem.public_id, WishListItem.title, WishListItem.url, WishListItem.note)
        .where(WishListItem.participant_id == participant_id)
        .order_by(WishListItem.id)
    )
    return [Item(*row) for row in rows]


def add(participant_id: int, title: str, url: str = "", note: str = "") -> str:
    """Put an idea on the list; returns its public id. Raises `RuleBroken` (fields `title`, `url`, `note`)."""
    title, url, note = _checked(title, url, note)
    with transaction() as session:
        _touch(session, participant_id)
        here = select(func.count()).where(WishListItem.participant_id == participant_id)
        if (session.scalar(here) or 0) >= MOST_ITEMS:
            raise RuleBroken(
                "Your wish list is full with %(most)d ideas. Remove one first.",
                most=MOST_ITEMS,
                field="title",
            )
        item = WishListItem(
            public_id=new_public_id(), participant_id=participant_id, title=title, url=url, note=note
        )
        session.add(item)
        return item.public_id


def edit(participant_id: int, public_id: str, title: str, url: str = "", note: str = "") -> None:
    """Change an idea of one's own list. Raises `RuleBroken` as `add` does, `NotFound` for a foreign one."""
    title, url, note = _checked(title, url, note)
    with transaction() as session:
        _touch(session, participant_id)
        item = _own(session, participant_id, public_id)
        item.title, item.url, item.note = title, url, note


def remove(participant_id: int, public_id: str) -> Item:
    """Take an idea off one's own list, and hand it out. Raises `NotFound` for a foreign one."""
    with transaction() as session:
        _touch(session, participant_id)
        item = _own(session, participant_id, public_id)
        session.delete(item)
        return Item(item.public_id, item.title, item.url, item.note)


def _touch(session: Session, participant_id: int) -> None:
    """Note for the giver that the list changes, to the hour: a moment could be matched with another one.

    Before a draw there is no giver to tell. Raises `RuleBroken` once the exchange is over.
    """
    exchange_id = session.scalar(select(Participant.exchange_id).where(Participant.id == participant_id))
    exchange = session.get(Exchange, exchange_id or 0, with_for_update={"read": True})
    if exchange is None or session.get(Participant, participant_id, with_for_update=True) is None:
        raise NotFound
    if exchange.state is ExchangeState.COMPLETED:
        raise RuleBroken("This exchange is over; its wish lists cannot be changed any more.")
    if exchange.state is ExchangeState.MATCHED:
        hour = now().replace(minute=0, second=0, microsecond=0)
        session.execute(
            update(Match).where(Match.id == seals.match_to(participant_id)).values(wish_list_changed_at=hour)
        )


def _own(session: Session, participant_id: int, public_id: str) -> WishListItem:
    item = session.scalar(
        select(WishListItem).where(
            WishListItem.public_id == public_id, WishListItem.participant_id == participant_id
        )
    )
    if item is None:
        raise NotFound
    return item


def _checked(title: str, url: str, note: str) -> tuple[str, str, str]:
    return (
        line(title, field="title", called=words("The idea"), longest=TITLE_LENGTH),
        _web_address(url),
        paragraphs(note, field="note", called=words("The note"), longest=NOTE_LENGTH),
    )


def _web_address(url: str) -> str:
    url = line(url, field="url", called=words("The link"), longest=URL_LENGTH, is_required=False)
    if not url:
        return ""
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and "." in (parts.hostname or "") and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or " " in url:
        raise RuleBroken("This is no web address; it looks like https://example.org/tea.", field="url")
    return url
