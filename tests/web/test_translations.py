"""German is complete, and people meet it on pages and in letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale, ngettext

from sneaky.letters import catalogue
from sneaky.models import LetterKind
from sneaky.web.locales import LANGUAGES
from tests.factories import a_participant
from tests.letters.mail import a_matched_exchange, queued
from tests.web.signing_in import sign_in_participant

HOUSE = Path(__file__).parents[2] / "sneaky"
TRANSLATIONS = HOUSE / "translations"
GERMAN = TRANSLATIONS / "de" / "LC_MESSAGES"
# What must stay as it is: values that are filled in, by gettext or by a script, and the tags of links.
_KEPT = re.compile(r"%\(\w+\)[sd]|\{\w*\}|[{}]|</?\w[^>]*>")
RENEW = "run ./dev translate, then write what is missing in German"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every text that the sources ask gettext for, gathered as ./dev translate does."""
    template = tmp_path_factory.mktemp("texts") / "messages.pot"
    mapping = f"--mapping-file={TRANSLATIONS / 'babel.toml'}"
    (keywords,) = re.findall(r"--keywords='[^']+'", (HOUSE.parent / "dev").read_text(encoding="utf-8"))
    options = [
        mapping,
        keywords.replace("'", ""),
        "--ignore-dirs=.*",
        f"--output-file={template}",
        str(HOUSE),
    ]
    CommandLineInterface().run(["pybabel", "--quiet", "extract", *options])  # type: ignore[no-untyped-call]
    return read_po(BytesIO(template.read_bytes()))


@pytest.fixture(scope="module")
def german() -> Catalog:
    """What translators edit."""
    return read_po(BytesIO((GERMAN / "messages.po").read_bytes()), locale="de")


def messages(catalog: Catalog) -> Iterator[Message]:
    """All but the header."""
    return (message for message in catalog if message.id)


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """A text as its forms: one, or one for each number; none where nothing is written."""
    return (text,) if isinstance(text, str) else tuple(text or ())


def kept(text: str) -> list[str]:
    return sorted(_KEPT.findall(text))


def test_every_language_but_the_source_has_a_catalogue() -> None:
    folders = {folder.name for folder in TRANSLATIONS.iterdir() if (folder / "LC_MESSAGES").is_dir()}
    assert folders == set(LANGUAGES) - {"en"}


def test_the_german_catalogue_holds_every_text_and_no_other(source: Catalog, german: Catalog) -> None:
    assert len(source) > 1000
    asked, known = ({forms(message.id) for message in messages(catalog)} for catalog in (source, german))
    assert asked - known == set(), RENEW
    assert known - asked == set(), RENEW
    assert not german.obsolete


def test_every_text_is_translated_in_all_its_forms(german: Catalog) -> None:
    for message in messages(german):
        assert not message.fuzzy, message.id
        assert len(forms(message.string)) == len(forms(message.id)), message.id
        assert all(text.strip() for text in forms(message.string)), message.id


def test_what_is_filled_in_is_the_same_in_german(german: Catalog) -> None:
    for message in messages(german):
        for english, text in zip(forms(message.id), forms(message.string), strict=True):
            assert kept(text) == kept(english), english
            assert text[0].isspace() == english[0].isspace(), english


def test_the_compiled_catalogue_is_that_of_the_translators(german: Catalog) -> None:
    compiled = read_mo(BytesIO((GERMAN / "messages.mo").read_bytes()))
    assert {forms(message.id): forms(message.string) for message in messages(compiled)} == {
        forms(message.id): forms(message.string) for message in messages(german)
    }
    assert compiled.num_plurals == german.num_plurals == 2


def test_the_catalogue_tells_nothing_of_who_made_it_when_and_where() -> None:
    text = (GERMAN / "messages.po").read_text(encoding="utf-8")
    assert set(re.findall(r"-Date: (.*)\\n", text)) == {"1970-01-01 00:00+0000"}
    assert "@" not in text.partition("#:")[0]
    assert all(line.startswith("#: sneaky/") for line in text.splitlines() if line.startswith("#:"))
    assert not re.search(r"^#: .*:\d", text, re.MULTILINE)


def test_a_page_comes_in_german_to_a_german_browser(client: FlaskClient) -> None:
    page = client.get("/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}).text
    assert '<html lang="de"' in page
    assert "Alle schenken, niemand weiß, wer" in page
    assert "Everybody gives" not in page
    assert "Everybody gives, nobody knows who" in client.get("/", headers={"Accept-Language": "en"}).text


def test_a_participants_page_writes_words_days_and_money_in_german(client: FlaskClient) -> None:
    exchange_id = a_matched_exchange(
        event_local=datetime(2030, 12, 24, 18),  # noqa: DTZ001
        budget=Decimal("12.50"),
        currency="EUR",
    )
    sign_in_participant(client, a_participant(exchange_id, locale="de"))
    page = client.get("/me", headers={"Accept-Language": "en"}).text
    assert "Meine Wunschliste" in page
    assert "Di., 24. Dez. 2030, 18:00" in page
    assert "12,50\N{NO-BREAK SPACE}€" in page


def test_a_letter_speaks_the_language_of_its_addressee(app: Flask) -> None:
    exchange_id = a_matched_exchange(
        name="Weihnachten",
        event_local=datetime(2030, 12, 24, 18),  # noqa: DTZ001
        budget=Decimal("12.50"),
        currency="EUR",
    )
    german, english = (
        catalogue.render(queued(LetterKind.MATCH, a_participant(exchange_id, name="Anna", locale=locale)))
        for locale in ("de", "en")
    )
    assert german.subject == "„Weihnachten“: In diesem Umschlag steckt dein Los"
    for part in (german.text, unescape(german.html)):
        assert "Hallo Anna," in part
        assert "Dienstag, 24. Dezember 2030, 18:00 (Ortszeit Berlin)" in part
        assert "etwa 12,50\N{NO-BREAK SPACE}€" in part
        assert "Meinen Umschlag öffnen" in part
        assert "Hello" not in part
    assert english.subject == "“Weihnachten”: your match is in this envelope"
    assert "about €12.50" in english.text


@pytest.mark.parametrize("kind", LetterKind)
def test_no_letter_falls_back_to_english(app: Flask, kind: LetterKind) -> None:
    german, english = catalogue.preview(kind, "de"), catalogue.preview(kind, "en")
    assert german.subject != english.subject
    sentences = (
        set(re.findall(r"^[A-Z].*[.?!]$", letter.text, re.MULTILINE)) for letter in (german, english)
    )
    assert set.intersection(*sentences) == set()


@pytest.mark.parametrize(("number", "text"), [(1, "1 Person"), (0, "0 Personen"), (14, "14 Personen")])
def test_numbers_choose_their_form(app: Flask, number: int, text: str) -> None:
    with force_locale("de"):
        assert ngettext("%(num)d person", "%(num)d people", number) == text
