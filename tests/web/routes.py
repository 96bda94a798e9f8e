"""Whom each route is for, and whose ids stand in its address: written down here, compared with the app."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from flask import Flask
from werkzeug.routing import Rule


class Audience(Enum):
    """Whom a route is for."""

    EVERYBODY = auto()  # nothing to prove
    BEARER = auto()  # whoever holds the link in the address
    PARTICIPANT = auto()  # about nobody but the participant who is signed in
    ORGANIZER = auto()  # the organizer who is signed in, and owns what the address names
    ADMIN = auto()  # an organizer who runs the instance
    MACHINE = auto()  # whoever knows the secret of the metrics, or signs with that of the mail provider
    DEVELOPER = auto()  # nobody, but on a development instance


# A new route has to be entered under the audience it is for; without its entry the suite fails.
ROUTES: dict[Audience, set[str]] = {
    Audience.EVERYBODY: {
        "static",
        "operations.health_jobs",
        "public.healthz",
        "public.home",
        "public.language",
        "public.privacy",
        "public.readyz",
        "signin.code",
        "signin.find",
        "signin.forgot",
        "signin.letter_sent",
        "signin.sign_in",
        "signin.sign_out",
        "signin.sign_up",
    },
    Audience.BEARER: {
        "public.join",
        "public.joined",
        "public.unsubscribe",
        "signin.fresh_link",
        "signin.invitation",
        "signin.link",
        "signin.reset",
        "signin.setup",
        "signin.use_link",
    },
    Audience.PARTICIPANT: {
        "participant.acknowledge",
        "participant.data",
        "participant.event",
        "participant.export",
        "participant.forget",
        "participant.home",
        "participant.leave",
        "participant.mark",
        "participant.match",
        "participant.postal_address",
        "participant.preferences",
        "participant.read",
        "participant.remove_wish",
        "participant.talk",
        "participant.wish",
        "participant.wish_list",
    },
    Audience.ORGANIZER: {
        "organizer.allow",
        "organizer.break_glass",
        "organizer.cancel",
        "organizer.close_joining",
        "organizer.copy",
        "organizer.create",
        "organizer.dashboard",
        "organizer.draw",
        "organizer.draw_options",
        "organizer.drawing",
        "organizer.edit",
        "organizer.erase",
        "organizer.exchange",
        "organizer.exclude",
        "organizer.export",
        "organizer.export_people",
        "organizer.extend",
        "organizer.hand_out",
        "organizer.house",
        "organizer.invitation",
        "organizer.letters",
        "organizer.lines",
        "organizer.loosen_rules",
        "organizer.more",
        "organizer.nudge",
        "organizer.open_joining",
        "organizer.participants",
        "organizer.person",
        "organizer.redraw",
        "organizer.reminders",
        "organizer.reopen_joining",
        "organizer.repair",
        "organizer.replace_link",
        "organizer.rescue",
        "organizer.retry_letters",
        "organizer.rules",
        "organizer.send_again",
        "organizer.set_matrix",
        "organizer.undo",
        "organizer.unhouse",
        "organizer.withdraw",
        "signin.account",
        "signin.password",
    },
    Audience.ADMIN: {
        "operations.audit",
        "operations.discard_letters",
        "operations.entrance",
        "operations.execution",
        "operations.executions",
        "operations.health",
        "operations.hold",
        "operations.job",
        "operations.jobs",
        "operations.letter",
        "operations.letter_html",
        "operations.letters",
        "operations.nowhere",
        "operations.organizers",
        "operations.outbox",
        "operations.pause",
        "operations.release",
        "operations.reschedule",
        "operations.resume",
        "operations.retry",
        "operations.retry_letters",
        "operations.run_request",
        "operations.settings",
        "operations.stop",
        "operations.test_letter",
    },
    Audience.MACHINE: {"operations.prometheus", "public.resend_event"},
    Audience.DEVELOPER: {"public.mailbox", "public.mailbox_letter", "public.styleguide"},
}

# What the words in an address name, by the room of pages it belongs to.
_KINDS = {
    ("organizer", "public_id"): "exchange",
    ("organizer", "person_id"): "person",
    ("organizer", "run_id"): "run",
    ("participant", "item_id"): "wish",
    ("participant", "other"): "side",
    ("participant", "mark"): "mark",
    ("participant", "second"): "match",
    ("operations", "public_id"): "run",
    ("operations", "job_id"): "job",
    ("operations", "kind"): "letter",
    ("operations", "_anywhere"): "anywhere",
    ("public", "name"): "letter",
    ("public", "token"): "token",
    ("signin", "token"): "token",
    ("", "filename"): "file",
}
WITHOUT_OWNER = {"side": "recipient", "mark": "sent", "anywhere": "no/such/page", "file": "no.css"}


@dataclass(frozen=True)
class Route:
    """One rule of the app's map: for whom it is, and what kind of thing each word in its address names."""

    rule: Rule
    audience: Audience
    kinds: dict[str, str]

    @property
    def methods(self) -> list[str]:
        """The methods it takes, but for those that Flask answers itself."""
        return sorted((self.rule.methods or set()) - {"HEAD", "OPTIONS"})

    def address(self, ids: dict[str, str]) -> str:
        """Its address with these ids, by kind."""
        built = self.rule.build({word: (ids | WITHOUT_OWNER)[kind] for word, kind in self.kinds.items()})
        assert built is not None
        return built[1]


def audience_of(endpoint: str) -> Audience:
    """For whom an endpoint is; fails for one that is entered nowhere, or twice."""
    found = [audience for audience, endpoints in ROUTES.items() if endpoint in endpoints]
    assert len(found) == 1, f"enter {endpoint} under the one audience it is for"
    return found[0]


def routes(app: Flask, *audiences: Audience) -> list[Route]:
    """The routes of the app's map for these audiences, or all of them."""
    found = []
    for rule in app.url_map.iter_rules():
        audience = audience_of(rule.endpoint)
        room = rule.endpoint.rpartition(".")[0]
        if not audiences or audience in audiences:
            found.append(Route(rule, audience, {word: _KINDS[room, word] for word in sorted(rule.arguments)}))
    return found
