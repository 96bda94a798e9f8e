"""The catalogue: writes any letter from its id, or with sample data for a preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import force_locale

from sneaky.core.clock import now
from sneaky.core.settings import settings
from sneaky.letters import calendar, samples, writing
from sneaky.letters.content import Content, ExchangeFacts, Facts
from sneaky.letters.relevance import refuse_obsolete
from sneaky.letters.sources import Source, read, with_link
from sneaky.models import Exchange, ExchangeState, LetterKind
from sneaky.outbox import links, queue
from sneaky.outbox.message import Attachment, Rendered, one_line
from sneaky.reminders import sending

_WITH_CALENDAR = frozenset({LetterKind.MATCH, LetterKind.EXCHANGE_CHANGED})
_ABOUT_AN_EXCHANGE = frozenset({LetterKind.PURGE_WARNING, LetterKind.UNDELIVERED})


def render(letter_id: int) -> Rendered:
    """Write a letter as it goes out, the same at every try but for the days left; raises `LetterObsolete`.

    Opens no connection and needs no request; at the first try of a letter to many it makes its link.
    """
    source = read(letter_id)
    refuse_obsolete(source)
    source = with_link(source)
    content = _content(source)
    with force_locale(_locale(source)):
        subject, text, html = writing.write(content)
        attachments = _attachments(source, content)
    return Rendered(subject, text, html, attachments, _headers(content), _reply_to(source))


def preview(kind: LetterKind, locale: str) -> Rendered:
    """A letter of a kind with sample data, in a language."""
    content = samples.content(kind)
    with force_locale(locale):
        subject, text, html = writing.write(content)
    return Rendered(subject, text, html, headers=_headers(content))


def _content(source: Source) -> Content:
    letter, participant, exchange, organizer, token = source
    is_invitation = letter.kind is LetterKind.ORGANIZER_INVITATION
    addressee = participant or (None if is_invitation else organizer)
    return Content(
        kind=letter.kind,
        name=one_line(addressee.name) if addressee is not None else "",
        is_guarded=participant is not None and participant.is_guarded,
        inviter=one_line(organizer.name) if is_invitation and organizer is not None else "",
        exchange=_facts(exchange, addressee.zone if addressee is not None else None) if exchange else None,
        link=_link(source),
        link_lives=token.expires_at - token.created_at if token is not None else None,
        code=links.rebuild_code(token) if token is not None else None,
        unsubscribe_link=_unsubscribe_link(source),
        facts=_counted_down(letter.kind, _plain(letter.facts), exchange),
    )


def _facts(exchange: Exchange, reader_zone: str | None) -> ExchangeFacts:
    return ExchangeFacts(
        name=one_line(exchange.name),
        event_at=exchange.event_at,
        zone=exchange.zone,
        reader_zone=reader_zone,
        place=one_line(exchange.place),
        budget=exchange.budget,
        currency=exchange.currency,
        is_drawn=exchange.state is ExchangeState.MATCHED,
    )


def _plain(facts: Mapping[str, Any]) -> Facts:
    """The letter's own facts; an error's text is held to one line, as names are."""
    held = {name: one_line(value) if isinstance(value, str) else value for name, value in facts.items()}
    return Facts(held)


def _counted_down(kind: LetterKind, facts: Facts, exchange: Exchange | None) -> Facts:
    """A reminder that waited past midnight for its mail server tells the days that are left by now."""
    if kind is LetterKind.REMINDER and exchange is not None:
        facts["days_before"] = min(facts["days_before"], sending.days_left(exchange, now()))
    return facts


def _link(source: Source) -> str:
    """Where the letter's one button leads: its magic link, or the page it is about."""
    if source.token is not None:
        token = links.rebuild(source.token)
        return links.url(links.path_of(source.token.purpose, token or ""))
    if source.letter.kind in _ABOUT_AN_EXCHANGE and source.exchange is not None:
        return links.url(f"/exchanges/{source.exchange.public_id}")
    if source.letter.kind is LetterKind.JOB_FAILED:
        execution = source.letter.facts.get("execution")
        return links.url(f"/operations/executions/{execution}" if execution else "/operations/jobs")
    return links.url("/")


def _unsubscribe_link(source: Source) -> str | None:
    """For letters that go to many: the address that ends reminders and notices by one POST."""
    if source.participant is None or not queue.is_bulk(source.letter.kind):
        return None
    return links.url(f"/u/{links.unsubscribe_token(source.participant.id)}")


def _headers(content: Content) -> dict[str, str]:
    if content.unsubscribe_link is None:
        return {}
    return {
        "List-Unsubscribe": f"<{content.unsubscribe_link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _reply_to(source: Source) -> str | None:
    """Whom an answer reaches: only who invites shows an address; a letter to a participant never does.

    An organizer may take part, and “I drew your mother, what does she like?” must not reach them.
    """
    is_invitation = source.letter.kind is LetterKind.ORGANIZER_INVITATION
    return source.organizer.email if is_invitation and source.organizer is not None else None


def _attachments(source: Source, content: Content) -> tuple[Attachment, ...]:
    if source.letter.kind not in _WITH_CALENDAR or source.exchange is None or content.exchange is None:
        return ()
    entry = calendar.entry(
        uid=calendar.uid_of(source.exchange.public_id),
        name=content.exchange.name,
        starts_at=source.exchange.event_at,
        place=content.exchange.place,
        note=calendar.note(content.exchange.budget_in_words),
        link=links.url("/me"),
        made_at=source.letter.created_at,
    )
    return (calendar.attachment(entry),)


def _locale(source: Source) -> str:
    addressee = source.participant or source.organizer
    return (addressee.locale if addressee is not None else None) or settings().default_locale
