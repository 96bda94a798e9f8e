"""Every page there is, in every state it has: who opens it, where, and what they type and press there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.browser.scenes import Scenes

ERRORS = (400, 403, 404, 409, 410, 413, 429, 500, 503)

# What a browser downloads, or a machine asks; none of them is a page.
NO_PAGES = {
    "signin.setup": "stands only before anybody is there; its own test visits it",
    "static": "files",
    "public.healthz": "plain text for machines",
    "public.readyz": "JSON for machines",
    "operations.health_jobs": "JSON for machines",
    "operations.prometheus": "metrics for machines",
    "operations.entrance": "leads on to the jobs",
    "operations.nowhere": "is the page for 404",
    "organizer.export_people": "a file",
    "participant.event": "a file",
}


@dataclass(frozen=True)
class Stop:
    """One page: the person who looks, its path with places in braces, and what is done before it stands."""

    who: str
    path: str
    name: str
    status: int = 200
    fill: Mapping[str, str] = field(default_factory=dict)
    tick: tuple[str, ...] = ()
    press: str = ""

    def address(self, scenes: Scenes) -> str:
        """The path with its places filled in."""
        return self.path.format_map(scenes.places)


def _of(who: str, base: str, *pages: str, name: str) -> list[Stop]:
    return [Stop(who, f"{base}{page}", f"{name}{page}".replace("/", "-")) for page in pages]


_VISITOR = [
    Stop("", "/", "front"),
    Stop("", "/privacy", "privacy"),
    Stop("", "/j/{join}", "join"),
    Stop("", "/j/{closed_join}", "join-closed"),
    Stop(
        "",
        "/j/{join}",
        "join-wrong",
        status=422,
        fill={"Your name": " ", "E-mail": "nobody"},
        press="I take part",
    ),
    Stop("", "/j/{join}/joined", "joined"),
    Stop("", "/u/{unsubscribe}", "unsubscribe"),
    Stop("", "/u/{unsubscribe}", "unsubscribed", press="No more reminders, please"),
    Stop("", "/mailbox", "mailbox"),
    Stop("", "/mailbox/{letter}", "mailbox-letter"),
    Stop("", "/styleguide", "styleguide"),
    Stop("", "/sign-in", "sign-in"),
    Stop(
        "",
        "/sign-in",
        "sign-in-wrong",
        status=422,
        fill={"E-mail": "olga@example.org", "Password": "not the one"},
        press="Sign in",
    ),
    Stop("", "/sign-up", "sign-up"),
    Stop("", "/forgot", "forgot"),
    Stop("", "/find", "find"),
    Stop("", "/code", "code"),
    Stop("", "/letter-sent", "letter-sent"),
    Stop("", "/reset/{reset}", "reset"),
    Stop("", "/reset/unknown", "reset-old", status=404),
    Stop("", "/invitation/{invitation}", "invitation"),
    Stop("", "/invitation/unknown", "invitation-old", status=404),
    Stop("", "/m/{match_link}", "link-sealed"),
    Stop("", "/m/{confirm_link}", "link-confirm"),
    Stop("", "/m/{sign_in_link}", "link-sign-in"),
    Stop("", "/m/{used_link}", "link-used", status=410),
    Stop("", "/m/{old_link}", "link-old", status=410),
    Stop("", "/m/unknown", "link-unknown", status=404),
]

_OF_EXCHANGE = ("", "/participants", "/rules", "/draw", "/letters", "/reminders", "/edit", "/more")

_ORGANIZER = [
    Stop("beginner", "/exchanges", "dashboard-empty"),
    Stop("olga", "/exchanges", "dashboard"),
    Stop("olga", "/exchanges/new", "new"),
    Stop(
        "olga",
        "/exchanges/new",
        "new-wrong",
        status=422,
        fill={"What is it called?": " "},
        press="Create and open for joining",
    ),
    Stop("olga", "/account", "account"),
    Stop("olga", "/account/password", "password"),
    *_of("olga", "/exchanges/{draft}", "", "/edit", "/erase", "/more", name="draft"),
    *_of(
        "olga",
        "/exchanges/{new}",
        "",
        "/participants",
        "/participants/list",
        "/rules",
        "/letters",
        name="empty",
    ),
    *_of(
        "olga",
        "/exchanges/{office}",
        *_OF_EXCHANGE,
        "/invitation",
        "/cancel",
        "/participants/{Vera}",
        name="open",
    ),
    *_of("olga", "/exchanges/{stuck}", "/rules", "/draw", name="impossible"),
    *_of("olga", "/exchanges/{closed}", "", "/invitation", name="closed"),
    *_of(
        "olga",
        "/exchanges/{many}",
        "",
        "/participants?page=2",
        "/participants?q=nobody",
        "/rules",
        name="many",
    ),
    *_of("olga", "/exchanges/{fresh}", "", "/participants/{Basil}", name="fresh"),
    *_of("olga", "/exchanges/{family}", *_OF_EXCHANGE, "/repair", "/rescue", name="drawn"),
    *_of("olga", "/exchanges/{family}", "/draw/again", "/draw/break-glass", name="drawn"),
    *_of("olga", "/exchanges/{family}/participants", "/{Ann}", "/{Grandma Rose}", "/{Ida}", name="drawn"),
    *_of("olga", "/exchanges/{mended}", "", name="mended"),
    *_of("olga", "/exchanges/{off}", "", name="called-off"),
    Stop("olga", "/exchanges/{large}/draw/runs/{made}", "drawing-made"),
    Stop("olga", "/exchanges/{stuck}/draw/runs/{refused}", "drawing-refused"),
    *_of("olga", "/exchanges/{choir}", *_OF_EXCHANGE, "/erase", name="over"),
    Stop(
        "olga",
        "/exchanges/{new}/participants/list",
        "lines-preview",
        fill={"Names and addresses": "Ann, ann@example.org\nBob, bob@example.org, Miller\nnonsense"},
        press="Show what will be added",
    ),
    Stop(
        "olga",
        "/exchanges/{new}/participants",
        "person-wrong",
        status=422,
        fill={"Name": "Ann", "E-mail": "nobody"},
        press="Add",
    ),
    Stop("olga", "/exchanges/{family}/repair", "repair-preview", tick=("Hugo",), press="Show what it means"),
    Stop("olga", "/exchanges/{family}/participants/{Ann}", "hand-out", press="Show a personal link"),
    Stop(
        "olga",
        "/exchanges/{mended}/draw/break-glass",
        "pairs",
        fill={"Type the name of the exchange to go on": "Mended"},
        press="Show who gives to whom",
    ),
    Stop(
        "olga",
        "/exchanges/{choir}/erase",
        "erase-wrong",
        status=422,
        fill={"Type the name of the exchange to go on": "another"},
        press="Erase it",
    ),
]

_OWN = (
    "",
    "/wish-list",
    "/talk/recipient",
    "/talk/giver",
    "/postal-address",
    "/preferences",
    "/data",
    "/leave",
    "/forget",
)

_PARTICIPANT = [
    *_of("Jun", "/me", *_OWN, name="waiting"),
    *_of("Grandma Rose", "/me", "", "/wish-list", "/talk/recipient", name="sealed"),
    *_of("Ann", "/me", *_OWN, "/wish-list/{wish}", name="opened"),
    *_of("Bob", "/me", "", "/talk/giver", name="talking"),
    *_of("changed", "/me", "", name="changed"),
    *_of("Zoë", "/me", "", name="over-me"),
    *_of("called_off", "/me", "", name="called-off-me"),
    *_of("gone", "/me", "", name="gone-me"),
    Stop("Ida", "/me", "just-opened", press="Break the seal"),
]

_OPERATIONS = [
    *_of(
        "olga",
        "/operations",
        *("/jobs", "/jobs/purge_old_exchanges", "/jobs/cleanup_expired_sessions", "/jobs/{reminder}"),
        *("/executions", "/executions?state=abandoned", "/executions/{run}", "/executions/{failed_run}"),
        *(
            "/outbox",
            "/outbox?state=dead",
            "/health",
            "/organizers",
            "/audit",
            "/settings",
            "/letters",
            "/letters/match",
        ),
        "/letters/match/html",
        name="operations",
    ),
]

STOPS = [*_VISITOR, *_ORGANIZER, *_PARTICIPANT, *_OPERATIONS]
