"""What every form shares: clean text, errors beside the field, nothing typed lost."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale
from flask_babel import lazy_gettext as _l

from sneaky.core.errors import NotFound, RuleBroken
from sneaky.web.choices import zones
from sneaky.web.forms import (
    BaseForm,
    Line,
    Paragraphs,
    at_most,
    is_typed_name,
    mail_field,
    name_field,
    needed,
    password_field,
)


class SampleForm(BaseForm):
    """One field of each of our kinds."""

    name = name_field("Name")
    email = mail_field()
    password = password_field("Password")
    place = Line("Place", [at_most(10)])
    message = Paragraphs("Message", [needed(_l("Say something."))])


GOOD = {"name": "Ann", "email": "ann@example.org", "password": " x ", "place": "", "message": "Hello"}


def filled(app: Flask, **typed: str) -> SampleForm:
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context(method="POST", data=GOOD | typed):
        form = SampleForm()
        form.validate_on_submit()
    return form


def test_what_was_typed_well_is_taken(app: Flask) -> None:
    form = filled(app)
    assert form.errors == {}
    assert {name: form[name].data for name in GOOD} == GOOD


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("  Ann   Marie ", "Ann Marie"),
        ("Ann\nMarie", "AnnMarie"),
        ("A\0n\x07n", "Ann"),
        ("Ann\u00a0Marie", "Ann Marie"),
        ("<b>Ann</b>", "<b>Ann</b>"),
        ("علي", "علي"),
    ],
)
def test_a_line_is_clean(app: Flask, typed: str, taken: str) -> None:
    assert filled(app, name=typed).name.data == taken


def test_paragraphs_keep_their_lines(app: Flask) -> None:
    assert filled(app, message="\r\n a\r\nb\rc\x00\td \n").message.data == "a\nb\nc\td"


def test_an_address_is_left_as_typed_but_for_what_nobody_sees(app: Flask) -> None:
    assert filled(app, email=" Ann@Example.org\x00 ").email.data == "Ann@Example.org"


@pytest.mark.parametrize(
    ("field", "typed", "error"),
    [
        ("name", "", "This is needed."),
        ("name", " \t ", "This is needed."),
        ("name", "x" * 121, "At most 120 characters, please."),
        ("email", "", "This is needed."),
        ("email", "x" * 255, "At most 254 characters, please."),
        ("password", "", "This is needed."),
        ("password", "x" * 201, "At most 200 characters, please."),
        ("place", "x" * 11, "At most 10 characters, please."),
        ("message", "", "Say something."),
    ],
)
def test_an_error_stands_beside_its_field(app: Flask, field: str, typed: str, error: str) -> None:
    form = filled(app, **{field: typed})
    assert form.errors == {field: [error]}
    assert form.name.data is not None


def test_a_field_that_was_not_sent_is_empty(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context(method="POST", data={"other": "x"}):
        form = SampleForm()
        assert not form.validate_on_submit()
    assert {form[name].data for name in GOOD} == {""}


def test_what_a_room_refuses_stands_beside_the_field_it_names(app: Flask) -> None:
    form = filled(app)
    with form.blaming_fields():
        raise RuleBroken("Taken.", field="email")
    with form.blaming_fields():
        raise RuleBroken("Also wrong.", field="email")
    assert form.errors == {"email": ["Taken.", "Also wrong."]}


@pytest.mark.parametrize("field", [None, "elsewhere"])
def test_what_no_field_is_to_blame_for_stands_above_the_form(app: Flask, field: str | None) -> None:
    form = filled(app)
    with form.blaming_fields():
        raise RuleBroken("Not now.", field=field)
    assert form.errors == {"": ["Not now."]}


def test_other_errors_pass_through(app: Flask) -> None:
    form = filled(app)
    with pytest.raises(NotFound), form.blaming_fields():
        raise NotFound
    assert form.errors == {}


@pytest.mark.parametrize(
    ("language", "zone", "place", "part"),
    [
        ("en", "Europe/Vienna", "Vienna", "Europe"),
        ("de", "Europe/Vienna", "Wien", "Europa"),
        ("de", "Atlantic/Reykjavik", "Reykjavík", "Atlantik"),
        ("de", "America/Argentina/Buenos_Aires", "Buenos Aires", "Amerika"),
        ("de", "UTC", "UTC", None),
        ("de", "Etc/GMT+5", "GMT+5", "Etc"),
    ],
)
def test_zones_are_named_in_the_language_of_the_page(
    app: Flask, language: str, zone: str, place: str, part: str | None
) -> None:
    with app.test_request_context(), force_locale(language):
        chosen = {each.value: (each.label, each.optgroup) for each in zones("", also=[zone])}
    assert chosen[zone] == (place, part)


@pytest.mark.parametrize(
    ("shown", "typed"),
    [
        ("Ann's round", "ann’s  round"),
        ("Ann’s round", "Ann's round"),
        ("“Secret” – 2026…", '"Secret" - 2026...'),
        ('Die "Neuen"', "Die „Neuen“"),
        ("STRASSE", "Straße"),
    ],
)
def test_a_name_is_typed_as_keyboards_can(shown: str, typed: str) -> None:
    assert is_typed_name(typed, shown)
    assert not is_typed_name(typed + "s", shown)
