"""What the organizer is told about the rules before a draw: possible, forced, impossible, and what helps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from sneaky.draws.board import board_of
from sneaky.draws.explain import Verdict, blocking_household, verdict
from sneaky.draws.matching import DrawOptions
from sneaky.draws.perfect import largest_matching
from sneaky.draws.rulebook import Person, Rules, forbidden_pairs

__all__ = [
    "FEWEST_PEOPLE",
    "Action",
    "Change",
    "Rules",
    "RulesVerdict",
    "forbidden_pairs",
    "refusal",
    "verdict_for",
]

FEWEST_PEOPLE = 3
_MOST_NAMES = 10
_MOST_WARNINGS = 5


class Action(StrEnum):
    """What one press can change about the rules."""

    ALLOW = "allow"  # take away the exclusion from giver to recipient
    LEAVE_HOUSEHOLD = "leave_household"  # take the giver out of the household
    SOFTEN_LAST_YEAR = "soften_last_year"  # avoid last year's matches only as far as possible
    ALLOW_RECIPROCAL = "allow_reciprocal"  # switch "no two give to each other" off
    ALLOW_LOOPS = "allow_loops"  # switch "one single loop" off


@dataclass(frozen=True)
class Change:
    """One change that helps, as a button: where it is about people, with their ids and public ids."""

    action: Action
    label: str
    giver_id: int | None = None
    giver_public_id: str = ""
    recipient_id: int | None = None
    recipient_public_id: str = ""


@dataclass(frozen=True)
class RulesVerdict:
    """Whether a draw can be made, in sentences for the organizer, in the language of whoever asks.

    `is_certain` is False where an option makes the question too hard to settle. `sentences` say why there is
    no draw, `changes` help, all of them together; `warnings` point at matches that can be guessed. They are
    all there is to guess unless `may_force_more`, as an option can: whom it forces is as hard to tell.
    """

    is_possible: bool
    is_certain: bool = True
    sentences: Sequence[str] = ()
    warnings: Sequence[str] = ()
    changes: Sequence[Change] = ()
    may_force_more: bool = False


def verdict_for(exchange_id: int) -> RulesVerdict:
    """Judge the rules of an exchange as they stand; quick enough to ask at each edit. Raises `NotFound`."""
    return _judge(forbidden_pairs(exchange_id))


def refusal(rules: Rules) -> str:
    """Why no draw can be made, as one text for the one who pressed the button."""
    return " ".join(_judge(rules).sentences) or _("These rules leave no draw. Loosen one of them.")


def _judge(rules: Rules) -> RulesVerdict:
    """Judge what the organizer ruled out first; names are only ever told from that.

    Earlier matches are a secret, so about them the verdict says no more than how many.
    """
    if len(rules.people) < FEWEST_PEOPLE:
        return RulesVerdict(is_possible=False, sentences=[_too_few(len(rules.people))])
    declared = verdict(rules.people, rules.declared)
    if not declared.is_possible:
        changes = _as_few_as_help(rules, list(_changes(rules, declared)))
        return RulesVerdict(is_possible=False, sentences=[_why(rules, declared)], changes=changes)
    bare = DrawOptions(no_reciprocal=rules.no_reciprocal, single_loop=rules.single_loop)
    asked = verdict(rules.people, rules.declared, options=bare) if bare.is_hard else declared
    if not asked.is_possible:
        return _blocked_by_option(rules)
    full = verdict(rules.people, rules.forbidden, options=rules.options) if rules.earlier else asked
    if not full.is_possible:
        return _blocked_by_last_year()
    return RulesVerdict(
        is_possible=True,
        is_certain=full.is_certain,
        warnings=list(_warnings(rules, declared, full)),
        may_force_more=bare.is_hard,
    )


def _too_few(number: int) -> str:
    texts: tuple[str, ...] = (
        _("At least 3 people have to take part; so far nobody does. Add some more."),
        _("At least 3 people have to take part; so far one does. Add some more."),
        _("At least 3 people have to take part; so far two do. Add some more."),
    )
    return texts[number]


def _why(rules: Rules, found: Verdict[int]) -> str:
    """Name the blocking group from the side that names fewer people, by its household where it is one."""
    is_about_getting = found.is_shorter_from_recipients
    if is_about_getting:
        blocked, allowed = found.blocking_recipients, found.allowed_givers
    else:
        blocked, allowed = found.blocking_givers, found.allowed_recipients
    block = blocking_household(found, rules.household_of)
    home = rules.home_of(next(iter(blocked))) if block else ""
    is_home = bool(allowed and block and block.is_whole and allowed.isdisjoint(blocked))
    group = _household(home, len(blocked)) if is_home else _group(rules, blocked, home)
    if not allowed:
        if is_about_getting:
            return str(_("%(group)s may not get from anybody.", group=group))
        return str(_("%(group)s may not give to anybody.", group=group))
    named = {"group": group, "names": _names(rules, allowed), "number": len(allowed)}
    return _may_only(is_about_getting, named)


def _household(home: str, number: int) -> str:
    return str(_("The %(number)d of household %(home)s", number=number, home=home))


def _group(rules: Rules, people: Collection[int], home: str) -> str:
    """The people as the beginning of a sentence."""
    if len(people) == 1:
        return _names(rules, people)
    named = {"number": len(people), "names": _names(rules, people)}
    if home:
        return str(_("These %(number)d (%(names)s), all of household %(home)s,", home=home, **named))
    return str(_("These %(number)d (%(names)s)", **named))


def _may_only(is_about_getting: bool, named: dict[str, Any]) -> str:
    if is_about_getting:
        return str(
            ngettext(
                "%(group)s may only get from %(names)s.",
                "%(group)s may only get from these %(number)d: %(names)s.",
                named["number"],
                **named,
            )
        )
    return str(
        ngettext(
            "%(group)s may only give to %(names)s.",
            "%(group)s may only give to these %(number)d: %(names)s.",
            named["number"],
            **named,
        )
    )


def _names(rules: Rules, people: Collection[int]) -> str:
    """Names in order, at most ten of them."""
    names = sorted(rules.persons[person].name for person in people)
    if len(names) == 1:
        return names[0]
    if len(names) <= _MOST_NAMES:
        return str(_("%(names)s and %(last)s", names=", ".join(names[:-1]), last=names[-1]))
    first = ", ".join(names[:_MOST_NAMES])
    return str(_("%(names)s and %(number)d more", names=first, number=len(names) - _MOST_NAMES))


def _changes(rules: Rules, found: Verdict[int]) -> Iterator[Change]:
    """The smallest change as buttons: whom to take out of a household, and which exclusions to take away."""
    by_name = sorted(found.smallest_change, key=lambda pair: [rules.persons[one].name for one in pair])
    pairs = [(rules.persons[giver], rules.persons[recipient]) for giver, recipient in by_name]
    moved = {
        giver.id: giver
        for giver, recipient in pairs
        if rules.home_of(giver.id) == rules.home_of(recipient.id) != ""
    }
    for giver in moved.values():
        label = _("Take %(name)s out of household %(home)s", name=giver.name, home=rules.home_of(giver.id))
        yield _about(Action.LEAVE_HOUSEHOLD, label, giver)
    for giver, recipient in pairs:
        if (giver.id, recipient.id) in rules.excluded:
            label = _("Let %(giver)s give to %(recipient)s", giver=giver.name, recipient=recipient.name)
            yield _about(Action.ALLOW, label, giver, recipient)


def _as_few_as_help(rules: Rules, changes: list[Change]) -> list[Change]:
    """The first of the changes, as many as it takes: who leaves a household is free for several pairs."""
    fewer = range(1, len(changes))
    enough = bisect_left(fewer, True, key=lambda number: _leave_a_draw(rules, changes[:number]))
    return changes[: enough + 1]


def _leave_a_draw(rules: Rules, changes: Collection[Change]) -> bool:
    allowed = {(one.giver_id, one.recipient_id) for one in changes if one.action is Action.ALLOW}
    moved = {one.giver_id for one in changes if one.action is Action.LEAVE_HOUSEHOLD}
    persons = {
        person.id: replace(person, household_id=None) if person.id in moved else person
        for person in rules.persons.values()
    }
    loosened = replace(rules, persons=persons, excluded=rules.excluded - allowed)
    return not largest_matching(board_of(loosened.people, loosened.declared)).free_givers


def _about(action: Action, label: str, giver: Person, recipient: Person | None = None) -> Change:
    if recipient is None:
        return Change(action, label, giver.id, giver.public_id)
    return Change(action, label, giver.id, giver.public_id, recipient.id, recipient.public_id)


def _blocked_by_option(rules: Rules) -> RulesVerdict:
    changes = []
    if rules.single_loop:
        changes.append(Change(Action.ALLOW_LOOPS, _("Allow more than one loop")))
    if rules.no_reciprocal:
        changes.append(Change(Action.ALLOW_RECIPROCAL, _("Allow two people to give to each other")))
    if rules.single_loop and rules.no_reciprocal:
        asked = _("one single loop and no two give to each other")
    else:
        asked = _("one single loop") if rules.single_loop else _("no two give to each other")
    sentence = _("The exclusions leave a draw, but none that keeps “%(asked)s” as well.", asked=asked)
    return RulesVerdict(is_possible=False, sentences=[sentence], changes=changes)


def _blocked_by_last_year() -> RulesVerdict:
    return RulesVerdict(
        is_possible=False,
        sentences=[_("There is a draw, but none that rules out every match of last year as well.")],
        changes=[Change(Action.SOFTEN_LAST_YEAR, _("Avoid last year's matches as far as possible"))],
    )


def _warnings(rules: Rules, declared: Verdict[int], full: Verdict[int]) -> Iterator[str]:
    """Matches that can be guessed; those that only earlier draws force are counted, not named."""
    forced = sorted((rules.persons[g].name, rules.persons[r].name) for g, r in declared.forced_pairs)
    yield from _first(
        _("%(giver)s can only give to %(recipient)s.", giver=giver, recipient=recipient)
        for giver, recipient in forced
    )
    if len(rules.people) == FEWEST_PEOPLE:
        yield _("Among three people, whoever opens their match knows the other two as well.")
    else:
        thin = sorted(
            (rules.persons[one].name, _names(rules, two)) for one, two in declared.thin_choices.items()
        )
        yield from _first(
            _("%(giver)s has just two choices: %(names)s.", giver=giver, names=two) for giver, two in thin
        )
    more = len(full.forced_pairs) - len(declared.forced_pairs)
    if more > 0:
        yield ngettext(
            "Without last year's matches %(num)d person has just one choice, which may be guessed.",
            "Without last year's matches %(num)d people have just one choice, which may be guessed.",
            more,
        )
    if full.soft_pairs_needed:
        yield ngettext(
            "%(num)d match of last year cannot be avoided.",
            "%(num)d matches of last year cannot be avoided.",
            full.soft_pairs_needed,
        )
    if not full.is_certain:
        yield _("Whether a draw keeps all options is hard to tell beforehand; the draw will try.")


def _first(sentences: Iterable[str]) -> Iterator[str]:
    every = list(sentences)
    yield from every[:_MOST_WARNINGS]
    if len(every) > _MOST_WARNINGS:
        yield _("… and %(number)d more like this.", number=len(every) - _MOST_WARNINGS)
