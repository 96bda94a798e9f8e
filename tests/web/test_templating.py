"""What all templates share, and the languages they are compiled for."""

from __future__ import annotations

import pytest
from flask import Flask
from jinja2 import DictLoader, TemplateSyntaxError

from sneaky.web import locales

TEMPLATES = {
    "page": '{% import "macros" as macros %}{{ macros.item(_("People")) }} '
    '{% trans %}Rules{% endtrans %} {% include "number" %}',
    "macros": "{% macro item(word) %}<b>{{ word }}</b>{{ gettext('Draw') }}{% endmacro %}",
    "number": '{{ _("Page %(number)s of %(last)s", number=number, last=last) }}',
    "given": "{{ _(word) }}",
    "broken": '{{ _("People" }}',
}


@pytest.fixture
def pages(app: Flask) -> Flask:
    app.jinja_env.loader = DictLoader(TEMPLATES)
    app.jinja_env.autoescape = True
    return app


def said(app: Flask, language: str, name: str, **given: object) -> str:
    browser = {"Accept-Language": language}
    with app.app_context(), app.test_request_context(headers=browser):
        return app.jinja_env.get_template(name).render(given)


def test_globals_reach_every_template_and_belong_to_none(app: Flask) -> None:
    app.jinja_env.globals["greeting"] = "Hello"
    assert app.jinja_env.from_string("{{ greeting }}").render() == "Hello"
    assert app.jinja_env.get_template("_macros/ui.html").globals is app.jinja_env.globals
    with pytest.raises(ValueError, match="globals of its own"):
        app.jinja_env.from_string("{{ greeting }}", globals={"greeting": "Bye"})


def test_a_page_and_all_it_is_made_of_speak_one_language(pages: Flask) -> None:
    english = "<b>People</b>Draw Rules Page 1 of &lt;2&gt;"
    german = "<b>Leute</b>Auslosung Regeln Seite 1 von &lt;2&gt;"
    for language, expected in (("en", english), ("de", german), ("en", english)):
        assert said(pages, language, "page", number=1, last="<2>") == expected


def test_plain_texts_are_not_looked_up_again(pages: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    said(pages, "de", "page", number=1, last=2)
    for name in ("_", "gettext"):
        monkeypatch.setitem(pages.jinja_env.globals, name, locales.word if name == "_" else None)
    assert said(pages, "de", "page", number=1, last=2) == "<b>Leute</b>Auslosung Regeln Seite 1 von 2"


def test_a_text_that_a_page_is_given_is_translated_as_it_is_made(pages: Flask) -> None:
    assert [said(pages, language, "given", word="People") for language in ("en", "de")] == ["People", "Leute"]


@pytest.mark.parametrize("text", ["Don't <b>shout</b> & whisper", "100 %%", "plain"])
def test_a_text_means_the_same_wherever_it_stands(
    pages: Flask, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setitem(
        TEMPLATES, "wild", f'{{{{ _("{text}") }}}}{{% set word = _("{text}") %}}{{{{ word }}}}'
    )
    with pages.test_request_context():
        assert said(pages, "en", "wild") == locales.word(text) * 2 == text.replace("%%", "%") * 2


def test_a_broken_template_is_told_with_its_name(pages: Flask) -> None:
    with pytest.raises(TemplateSyntaxError) as broken:
        said(pages, "en", "broken")
    assert (broken.value.name, broken.value.lineno) == ("broken", 1)
