"""What each field that pages read carries: written down here, compared with what the app itself reads."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wtforms.fields.core import UnboundField

import sneaky.web
from sneaky.draws.rules import Action
from sneaky.web.forms import BaseForm
from tests.web.worlds import Form

ROOM = Path(sneaky.web.__file__).parent
_SENT = {"form", "args", "values", "files", "json", "get_json", "data", "get_data", "stream"}
DRAWN, REGISTERING = "drawn", "registering"


@dataclass(frozen=True)
class Try:
    """How a field that names somebody is tried.

    `sent` makes the form from whom it is to name and from two others of the exchange; a GET has it behind its
    address. People are named `by` their id, by the address that somebody types, or by the id of a late one.
    Where the form has to name all of them once more, whoever may be named is one of the two others.
    """

    endpoint: str
    exchange: str
    sent: Callable[[str, Sequence[str]], Form]
    by: str = "id"
    is_one_of_others: bool = False
    method: str = "POST"


# Fields that name somebody of an exchange: a new one has to be entered with the way to try it.
NAMES_SOMEBODY: dict[str, Try] = {
    "organizer.ExclusionForm.giver": Try(
        "organizer.exclude",
        REGISTERING,
        lambda who, other: {"giver": who, "recipient": other[0]},
        by="address",
    ),
    "organizer.ExclusionForm.recipient": Try(
        "organizer.exclude",
        REGISTERING,
        lambda who, other: {"giver": other[0], "recipient": who},
        by="address",
    ),
    "organizer.HouseholdForm.people": Try(
        "organizer.house",
        REGISTERING,
        lambda who, other: {"people": [other[0], who], "household": "The Mill"},
    ),
    "organizer.HouseholdForm.person": Try(
        "organizer.house", REGISTERING, lambda who, _: {"person": who, "household": "The Mill"}, by="address"
    ),
    "organizer.RepairForm.leaving": Try(
        "organizer.repair", DRAWN, lambda who, _: {"leaving": who, "is_sure": "yes"}
    ),
    "organizer.RepairForm.leaving_names": Try(
        "organizer.repair", DRAWN, lambda who, _: {"leaving_names": who, "is_sure": "yes"}, by="address"
    ),
    "organizer.RepairForm.swapping": Try(
        "organizer.repair", DRAWN, lambda who, _: {"swapping": who, "is_sure": "yes"}
    ),
    "organizer.RepairForm.swapping_names": Try(
        "organizer.repair", DRAWN, lambda who, _: {"swapping_names": who, "is_sure": "yes"}, by="address"
    ),
    "organizer.RescueForm.absent": Try(
        "organizer.rescue", DRAWN, lambda who, other: {"absent": who, "willing": other}
    ),
    "organizer.RescueForm.absent_names": Try(
        "organizer.rescue",
        DRAWN,
        lambda who, other: {"absent_names": who, "willing_names": "\n".join(other)},
        by="address",
    ),
    "organizer.RescueForm.willing": Try(
        "organizer.rescue", DRAWN, lambda who, other: {"absent": other[0], "willing": [other[1], who]}
    ),
    "organizer.RescueForm.willing_names": Try(
        "organizer.rescue",
        DRAWN,
        lambda who, other: {"absent_names": other[0], "willing_names": f"{other[1]}\n{who}"},
        by="address",
    ),
    "organizer.views_repair args: leaves, of all": Try(
        "organizer.repair", DRAWN, lambda who, _: {"leaves": who}, method="GET"
    ),
    "organizer.views_repair args: joins, of all": Try(
        "organizer.repair", DRAWN, lambda who, _: {"joins": who}, by="late", method="GET"
    ),
    "organizer.views_rules form: person": Try(
        "organizer.unhouse", REGISTERING, lambda who, _: {"person": who}
    ),
    "organizer.views_rules form: person, of all": Try(
        "organizer.set_matrix", REGISTERING, lambda who, other: {"person": [other[0], who]}
    ),
    "organizer.views_rules form: {giver}, of all": Try(
        "organizer.set_matrix",
        REGISTERING,
        lambda who, other: {"person": other, other[0]: who},
        is_one_of_others=True,
    ),
    "organizer.views_rules form: giver": Try(
        "organizer.allow", REGISTERING, lambda who, other: {"giver": who, "recipient": other[0]}
    ),
    "organizer.views_rules form: recipient": Try(
        "organizer.allow", REGISTERING, lambda who, other: {"giver": other[0], "recipient": who}
    ),
    "organizer.views_rules form: change, of all": Try(
        "organizer.loosen_rules",
        REGISTERING,
        lambda who, other: {
            "change": [f"{Action.LEAVE_HOUSEHOLD}:{other[0]}:", f"{Action.ALLOW}:{other[0]}:{who}"]
        },
    ),
}

# Fields that name nothing that is there: choices, and what people type about themselves and what is new.
_TYPED = {
    "organizer.DrawForm": "anyway",
    "organizer.ExchangeForm": "name event_local zone place budget currency message registration_ends_local "
    "reminder_days takes_part people",
    "organizer.ExclusionForm": "is_mutual",
    "organizer.HouseholdForm": "household",
    "organizer.LinesForm": "lines file is_sure",
    "organizer.OptionsForm": "no_reciprocal single_loop avoid_last_year",
    "organizer.PersonForm": "name email household is_guarded",
    "organizer.RemindersForm": "is_on days",
    "organizer.RedrawForm": "name seen",
    "organizer.RepairForm": "joining is_sure seen",
    "organizer.SureForm": "name",
    "participant.AddressForm": "postal_address",
    "participant.ForgetForm": "name",
    "participant.MessageForm": "body about",
    "participant.PreferencesForm": "wants_reminders wants_notices locale zone",
    "participant.WishForm": "title url note",
    "public.JoinForm": "name email household_name ideas",
    "signin.AccountForm": "name locale zone",
    "signin.AddressForm": "email",
    "signin.CodeForm": "code",
    "signin.InvitationForm": "name password",
    "signin.NewPasswordForm": "password",
    "signin.PasswordForm": "old_password password",
    "signin.SetupForm": "name email password",
    "signin.SignInForm": "email password",
}
NAMES_NOTHING = {f"{form}.{name}" for form, names in _TYPED.items() for name in names.split()} | {
    "errors form: whole",  # handed back, and not taken
    "files args: v",
    "organizer.asked args: page",
    "organizer.asked args: q",
    "organizer.views_letters args: state",
    "participant.views_giving form: on",
    "public.views form: language",
    "public.views_webhooks get_data: whole",  # counts only where it is signed
    "signin.views_doors args: next",
    "signin.views_doors form: everywhere",
    "signin.views_links form: open",
}


def fields() -> set[str]:
    """Every field that pages read: those of the forms, and what views take from the request themselves.

    Those of the operations pages are left out: they are about the instance, and only admins come that far.
    """
    found = {f"{_room(form)}.{form.__name__}.{name}" for form in _forms(BaseForm) for name in _names(form)}
    for file in sorted(ROOM.rglob("*.py")):
        module = ".".join(file.relative_to(ROOM).with_suffix("").parts)
        found |= {f"{module} {read}" for read in reads(ast.parse(file.read_text(encoding="utf-8")))}
    return {field for field in found if not field.startswith("operations.")}


def reads(tree: ast.AST) -> set[str]:
    """What a module takes from requests: "form: giver", "form: person, of all", "get_data: whole"."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _SENT and ast.unparse(node.value) == "request":
            found.add(f"{node.attr}: {_taken(node, parents)}")
    return found


def _taken(source: ast.Attribute, parents: dict[ast.AST, ast.AST]) -> str:
    """The name under which something is taken from a part of the request; "whole" for all of it."""
    around = parents[source]
    call = parents.get(around)
    if isinstance(around, ast.Attribute) and isinstance(call, ast.Call):
        return _name(call.args[0]) + (", of all" if around.attr == "getlist" else "")
    if isinstance(around, ast.Compare):
        return _name(around.left)
    return _name(around.slice) if isinstance(around, ast.Subscript) else "whole"


def _name(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else f"{{{ast.unparse(node)}}}"


def _forms(base: type[BaseForm]) -> Iterator[type[BaseForm]]:
    """Every form that stands in a module of the pages; those made for one request or by tests do not."""
    for form in base.__subclasses__():
        is_of_a_module = getattr(sys.modules.get(form.__module__), form.__name__, None) is form
        if is_of_a_module and form.__module__.startswith("sneaky."):
            yield form
        yield from _forms(form)


def _room(form: type[BaseForm]) -> str:
    return form.__module__.split(".")[2]


def _names(form: type[BaseForm]) -> list[str]:
    return [name for name in dir(form) if isinstance(getattr(form, name, None), UnboundField)]
