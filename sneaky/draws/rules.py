"""What the organizer is told about the rules before a draw: possible, forced, impossible, and what helps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sneaky.draws.explain import Verdict, blocking_household, verdict
from sneaky.draws.matching import DrawOptions
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
    """Whether a draw can be made, in sentences for the organizer.

    `is_certain` is False where an option makes the question too hard to settle. `sentences` say why there is
    no draw, `changes` (all of them together) are the smallest help; `warnings` point at matches that can be
    guessed.
    """

    is_possible: bool
    is_certain: bool = True
    sentences: Sequence[str] = ()
    warnings: Sequence[str] = ()
    changes: Sequence[Change] = ()


def verdict_for(exchange_id: int) -> RulesVerdict:
    """Judge the rules of an exchange as they stand; quick enough to ask at each edit. Raises `NotFound`."""
    return _judge(forbidden_pairs(exchange_id))


def refusal(rules: Rules) -> str:
    """Why no draw can be made, as one text for the one who pressed the button."""
    return " ".join(_judge(rules).sentences) or "These rules leave no draw. Loosen one of them."


def _judge(rules: Rules) -> RulesVerdict:
    """Judge what the organizer ruled out first; names are only ever told from that.

    Earlier matches are a secret, so about them the verdict says no more than how many.
    """
    if len(rules.people) < FEWEST_PEOPLE:
        return RulesVerdict(is_possible=False, sentences=[_too_few(len(rules.people))])
    declared = verdict(rules.people, rules.declared)
    if not declared.is_possible:
        return RulesVerdict(
            is_possible=False, sentences=[_why(rules, declared)], changes=list(_changes(rules, declared))
        )
    bare = DrawOptions(no_reciprocal=rules.no_reciprocal, single_loop=rules.single_loop)
    asked = verdict(rules.people, rules.declared, options=bare) if bare.is_hard else declared
    if not asked.is_possible:
        return _blocked_by_option(rules)
    full = verdict(rules.people, rules.forbidden, options=rules.options) if rules.earlier else asked
    if not full.is_possible:
        return _blocked_by_last_year()
    return RulesVerdict(
        is_possible=True, is_certain=full.is_certain, warnings=list(_warnings(rules, declared, full))
    )


def _too_few(number: int) -> str:
    so_far = {0: "nobody does", 1: "one does", 2: "two do"}[number]
    return f"At least {FEWEST_PEOPLE} people have to take part; so far {so_far}. Add some more."


def _why(rules: Rules, found: Verdict[int]) -> str:
    """Name the blocking group from the side that names fewer people, by its household where it is one."""
    if found.is_shorter_from_recipients:
        may, blocked, allowed = "get from", found.blocking_recipients, found.allowed_givers
    else:
        may, blocked, allowed = "give to", found.blocking_givers, found.allowed_recipients
    block = blocking_household(found, rules.household_of)
    home = rules.home_of(next(iter(blocked))) if block else ""
    if allowed and block and block.is_whole and allowed.isdisjoint(blocked):
        return f"The {len(blocked)} of household {home} may only {may} {_these(rules, allowed)}."
    who = _names(rules, blocked) if len(blocked) == 1 else f"These {len(blocked)} ({_names(rules, blocked)})"
    from_home = f", all of household {home}," if block and len(blocked) > 1 else ""
    if not allowed:
        return f"{who}{from_home} may not {may} anybody."
    return f"{who}{from_home} may only {may} {_these(rules, allowed)}."


def _these(rules: Rules, people: Collection[int]) -> str:
    return _names(rules, people) if len(people) == 1 else f"these {len(people)}: {_names(rules, people)}"


def _names(rules: Rules, people: Collection[int]) -> str:
    """Names in order, at most ten of them."""
    names = sorted(rules.persons[person].name for person in people)
    if len(names) == 1:
        return names[0]
    if len(names) <= _MOST_NAMES:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _changes(rules: Rules, found: Verdict[int]) -> Iterator[Change]:
    """The smallest change as buttons: an exclusion to take away, or somebody to take out of a household."""
    by_name = sorted(found.smallest_change, key=lambda pair: [rules.persons[one].name for one in pair])
    moved = set()
    for giver, recipient in ((rules.persons[one], rules.persons[other]) for one, other in by_name):
        home = rules.home_of(giver.id)
        if (giver.id, recipient.id) in rules.excluded:
            yield _about(Action.ALLOW, f"Let {giver.name} give to {recipient.name}", giver, recipient)
        if home and home == rules.home_of(recipient.id) and giver.id not in moved:
            moved.add(giver.id)
            yield _about(Action.LEAVE_HOUSEHOLD, f"Take {giver.name} out of household {home}", giver)


def _about(action: Action, label: str, giver: Person, recipient: Person | None = None) -> Change:
    if recipient is None:
        return Change(action, label, giver.id, giver.public_id)
    return Change(action, label, giver.id, giver.public_id, recipient.id, recipient.public_id)


def _blocked_by_option(rules: Rules) -> RulesVerdict:
    changes = []
    if rules.single_loop:
        changes.append(Change(Action.ALLOW_LOOPS, "Allow more than one loop"))
    if rules.no_reciprocal:
        changes.append(Change(Action.ALLOW_RECIPROCAL, "Allow two people to give to each other"))
    asked = " and ".join(
        name
        for name, is_on in (
            ("one single loop", rules.single_loop),
            ("no two give to each other", rules.no_reciprocal),
        )
        if is_on
    )
    sentence = f"The exclusions leave a draw, but none that keeps “{asked}” as well."
    return RulesVerdict(is_possible=False, sentences=[sentence], changes=changes)


def _blocked_by_last_year() -> RulesVerdict:
    return RulesVerdict(
        is_possible=False,
        sentences=["There is a draw, but none that rules out every match of last year as well."],
        changes=[Change(Action.SOFTEN_LAST_YEAR, "Avoid last year's matches as far as possible")],
    )


def _warnings(rules: Rules, declared: Verdict[int], full: Verdict[int]) -> Iterator[str]:
    """Matches that can be guessed; those that only earlier draws force are counted, not named."""
    forced = sorted((rules.persons[g].name, rules.persons[r].name) for g, r in declared.forced_pairs)
    yield from _first(f"{giver} can only give to {recipient}." for giver, recipient in forced)
    if len(rules.people) > FEWEST_PEOPLE:  # among three, two choices are all there are
        thin = sorted(
            (rules.persons[one].name, _names(rules, two)) for one, two in declared.thin_choices.items()
        )
        yield from _first(f"{giver} has just two choices: {two}." for giver, two in thin)
    more = len(full.forced_pairs) - len(declared.forced_pairs)
    if more > 0:
        yield f"Without last year's matches {_people(more)} just one choice, which may be guessed."
    if full.soft_pairs_needed:
        yield f"{_times(full.soft_pairs_needed)} of last year cannot be avoided."
    if not full.is_certain:
        yield "Whether a draw keeps all options is hard to tell beforehand; the draw will try."


def _first(sentences: Iterable[str]) -> Iterator[str]:
    every = list(sentences)
    yield from every[:_MOST_WARNINGS]
    if len(every) > _MOST_WARNINGS:
        yield f"… and {len(every) - _MOST_WARNINGS} more like this."


def _people(number: int) -> str:
    return "1 person has" if number == 1 else f"{number} people have"


def _times(number: int) -> str:
    return "1 match" if number == 1 else f"{number} matches"
