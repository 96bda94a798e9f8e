"""What all templates share, and the languages they are compiled for."""

from __future__ import annotations

import pytest
from flask import Flask
from jinja2 import DictLoader, TemplateSyntaxError, UndefinedError
from markupsafe import Markup

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


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ text }}", "&lt;b&gt;"),
        ("{{ markup }}", "<b>"),
        ("{{ markup ~ text }}", "<b>&lt;b&gt;"),
        ("{{ spoken }}", "<i>"),
        ("{{ 3 }}{{ none }}{{ missing }}", "3None"),
        ("{% set kept %}{{ text }}{% endset %}{{ kept }}", "&lt;b&gt;"),
        ("{% for one in [text, markup] %}{{ one }}{% endfor %}", "&lt;b&gt;<b>"),
        ("{{ (text|upper) if markup else text }}", "&lt;B&gt;"),
        ("{% autoescape false %}{{ text }}{% endautoescape %}{{ text }}", "<b>&lt;b&gt;"),
    ],
)
def test_everything_but_markup_is_escaped(pages: Flask, source: str, expected: str) -> None:
    class Spoken:
        def __html__(self) -> str:
            return "<i>"

    given = {"text": "<b>", "markup": Markup("<b>"), "spoken": Spoken()}
    assert pages.jinja_env.from_string(source).render(given) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("told(1, b=2)", "(1,) {'b': 2}"),
        ("told(1, **more)", "(1,) {'c': 3}"),
        ("told(*some, b=2)", "(1, 2) {'b': 2}"),
        ("told(class=1, **more)", "() {'class': 1, 'c': 3}"),
        ("told()", "() {}"),
        ("told(told)|length > 9", "True"),
    ],
)
def test_what_a_template_calls_gets_what_it_was_given(pages: Flask, call: str, expected: str) -> None:
    def told(*args: object, **kwargs: object) -> Markup:
        return Markup(f"{args} {kwargs}")  # noqa: S704  (made of numbers)

    given = {"told": told, "some": [1, 2], "more": {"c": 3}}
    assert pages.jinja_env.from_string(f"{{{{ {call} }}}}").render(given) == expected


def test_a_piece_shows_what_its_caller_holds(pages: Flask) -> None:
    source = (
        "{% macro box(title) %}<p>{{ title }}{{ caller(title) }}</p>{% endmacro %}"
        "{% for one in 'ab' %}{% call(title) box(one) %}{{ one ~ title ~ '&' }}{% endcall %}{% endfor %}"
    )
    assert pages.jinja_env.from_string(source).render() == "<p>aaa&amp;</p><p>bbb&amp;</p>"


def test_what_is_not_there_cannot_be_called(pages: Flask) -> None:
    with pytest.raises(UndefinedError, match="nothing"):
        pages.jinja_env.from_string("{{ nothing() }}").render()
