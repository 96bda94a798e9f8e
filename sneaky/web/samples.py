"""Made-up data for the style guide, so that every piece of the look can be seen on one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    EmailField,
    Form,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Optional, Regexp


@dataclass(frozen=True)
class Moment:
    """An instant as `clock.when` shows it."""

    utc: datetime
    text: str
    zone: str
    place: str
    relative: str = ""
    reader: str | None = None


@dataclass(frozen=True)
class Wish:
    """An item of a wish list."""

    title: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class Message:
    """A message of a conversation."""

    is_mine: bool
    body: str
    sent_on: str


@dataclass(frozen=True)
class Run:
    """A run of a job, as a bar."""

    milliseconds: int
    label: str
    is_failed: bool = False


class SampleForm(Form):  # type: ignore[misc, unused-ignore]
    """One field of each kind."""

    name = StringField(
        "Name of the exchange",
        [DataRequired("Give it a name.")],
        description="Everybody who is invited reads it.",
    )
    email = EmailField(
        "Your e-mail", [Regexp(r".+@.+", message="An address like ann@example.org is needed.")]
    )
    password = PasswordField("Password", description="Ten characters or more; a short sentence works well.")
    event_local = DateTimeLocalField("Date and time", [Optional()])
    zone = SelectField(
        "Time zone",
        choices={"Europe/Berlin": "Berlin", "America/New_York": "New York"},
    )
    budget = IntegerField("Budget in €", [Optional()], description="About what a present should cost.")
    message = TextAreaField("A word to everybody", [Optional()])
    avoid_last_year = RadioField(
        "Last year's matches",
        choices={"off": "may come again", "soft": "rather not", "hard": "never again"},
        default="soft",
    )
    takes_part = BooleanField("I take part myself", description="Then even you see only your own match.")


def styleguide() -> dict[str, object]:
    """What `styleguide.html` shows, ready for `render_template`."""
    import segno  # noqa: PLC0415  (only the style guide and the invitation draw codes)

    faulty = SampleForm(prefix="again-", data={"email": "ann at example", "zone": "Europe/Berlin"})
    faulty.validate()
    qr_code = segno.make("https://klaus.example.org/j/abc", micro=False).svg_inline(omitsize=True, border=0)
    return {
        "form": SampleForm(),
        "faulty_form": faulty,
        "moment": Moment(
            datetime(2026, 12, 24, 17, tzinfo=UTC), "Thu 24 Dec 2026, 18:00", "Europe/Berlin", "Berlin"
        ),
        "moment_elsewhere": Moment(
            datetime(2026, 12, 18, 21, tzinfo=UTC),
            "Fri 18 Dec 2026, 16:00",
            "America/New_York",
            "New York",
            relative="in 9 days",
            reader="22:00",
        ),
        "entries": [
            ("Draw", "Sun 22 Nov, 20:14", "12 letters", "done"),
            ("Reminder", "Thu 17 Dec, 18:00", "The day was moved and is nearer now.", "skipped"),
            ("Reminder", "Mon 21 Dec, 18:00", "", "next"),
            ("The day", "Thu 24 Dec, 18:00 (Berlin)", "", "planned"),
            ("Erased", "Sat 23 Jan", "You are warned on 16 Jan.", "planned"),
        ],
        "runs": [Run(ms, f"{ms} ms") for ms in (12, 14, 11, 16, 13, 12)]
        + [Run(31, "31 ms, failed", is_failed=True)],
        "wishes": [
            Wish("A book about bees", "https://books.example.org/bees", "The one with the drawings."),
            Wish("Wool socks", note="Size 39, any colour but beige."),
        ],
        "messages": [
            Message(is_mine=False, body="Do you like your socks plain or with stripes?", sent_on="Sun 6 Dec"),
            Message(is_mine=True, body="Stripes!\nAnd thank you, whoever you are.", sent_on="Mon 7 Dec"),
        ],
        "qr_code": Markup(qr_code),  # noqa: S704 (our own drawing)
    }
