"""The look keeps its promises: contrast, nothing inline or from elsewhere, every piece in the style guide."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path

import pytest
from flask import Flask, render_template
from flask_babel import Babel

from sneaky.web import files, samples
from sneaky.web.operations.words import mail_words

WEB = Path(samples.__file__).parent
STATIC = WEB / "static"
TEMPLATES = WEB / "templates"
STYLES = (STATIC / "klaus.css").read_text()
EVERY_TEMPLATE = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
MACROS = sorted((TEMPLATES / "_macros").glob("*.html"))
FETCHED = (
    "src",
    "srcset",
    "poster",
    "action",
    "formaction",
    "data",
    "data-hx-get",
    "data-hx-post",
    "hx-get",
    "hx-post",
)
LEADS_AWAY = re.compile(r"\s*(https?:)?//")
ERRORS = (400, 403, 404, 409, 410, 413, 418, 429, 500, 502, 503)

GROUNDS = ("bg", "surface")
TEXT_PAIRS = [
    *product(("ink", "muted", "primary", "primary-hover", "danger"), GROUNDS),
    *product(("ink",), ("ok-bg", "bad-bg", "warn-bg", "info-bg", "rest-bg")),
    *(
        ("primary", "ok-bg"),
        ("danger", "bad-bg"),
        ("gold", "warn-bg"),
        ("info", "info-bg"),
        ("muted", "rest-bg"),
    ),
    *product(("gold",), GROUNDS),
    *product(("on-primary",), ("primary", "primary-hover")),
    *product(("on-seal",), ("seal", "seal-hover")),
    ("on-danger", "danger"),
    *product(("paper-muted",), ("slip", "paper-mid")),
    ("paper-ink", "slip"),
]
EDGE_PAIRS = [
    *product(("control", "focus", "primary", "accent", "danger", "seal"), GROUNDS),
    *product(("focus",), ("ok-bg", "bad-bg", "warn-bg", "info-bg")),
    *(("gold", "warn-bg"), ("info", "info-bg"), ("primary", "rest-bg")),
]


def tokens(theme: str) -> dict[str, str]:
    """The custom properties of a theme; dark starts from light."""
    blocks = re.findall(r":root \{(.*?)\}", STYLES, re.DOTALL)
    found: dict[str, str] = {}
    for block in blocks[: 1 if theme == "light" else 2]:
        found |= re.findall(r"--([\w-]+): ([^;]+);", block)
    return found


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb, after WCAG 2.2."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(theme: str, one: str, other: str) -> float:
    """The contrast ratio of two tokens in a theme."""
    known = tokens(theme)
    dark, light = sorted((luminance(known[one]), luminance(known[other])))
    return (light + 0.05) / (dark + 0.05)


def without_jinja(name: str) -> str:
    """The plain markup of a template."""
    return re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", (TEMPLATES / name).read_text(), flags=re.DOTALL)


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute on the page."""
        return [value for _tag, attrs in self.elements if (value := attrs.get(attribute))]


@pytest.fixture
def look() -> Flask:
    """An app that has templates, languages, files and a token, and neither sessions nor a database."""
    app = Flask("sneaky", static_folder="web/static", template_folder="web/templates")
    app.jinja_options = {}  # compiled here, by Jinja as it comes
    Babel(app)
    files.init_app(app)
    app.jinja_env.globals["csrf_token"] = lambda: "a-token"
    app.jinja_env.filters["mail_words"] = mail_words
    return app


@pytest.fixture
def styleguide(look: Flask) -> str:
    """The rendered style guide."""
    with look.test_request_context("/styleguide"):
        return render_template("styleguide.html", **samples.styleguide())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_is_readable(theme: str, text: str, ground: str) -> None:
    assert contrast(theme, text, ground) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGE_PAIRS)
def test_controls_stand_out(theme: str, edge: str, ground: str) -> None:
    assert contrast(theme, edge, ground) >= 3


def test_every_token_in_use_is_defined_and_every_token_is_used() -> None:
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLES)) == set(tokens("dark"))


def test_styles_and_script_ask_nobody_else() -> None:
    for path in (*STATIC.glob("*.css"), *STATIC.glob("*.js")):
        assert not re.search(r"https?://|@import|url\((?!data:)", path.read_text()), path.name


def test_vendored_files_are_the_listed_ones() -> None:
    vendor = STATIC / "vendor"
    rows = re.findall(
        r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (vendor / "README.md").read_text(), re.MULTILINE
    )
    actual = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.iterdir()
        if path.suffix != ".md"
    }
    assert dict(rows) == actual


@pytest.mark.parametrize("name", EVERY_TEMPLATE)
def test_template_is_well_formed(look: Flask, name: str) -> None:
    assert look.jinja_env.parse((TEMPLATES / name).read_text(), name).body


@pytest.mark.parametrize("name", EVERY_TEMPLATE)
def test_template_has_nothing_inline_and_nothing_from_elsewhere(name: str) -> None:
    assert_clean(without_jinja(name))


@pytest.mark.parametrize("name", EVERY_TEMPLATE)
def test_every_class_of_a_template_has_a_rule(name: str) -> None:
    written = {word for value in Page(without_jinja(name)).values("class") for word in value.split()}
    assert written <= set(re.findall(r"\.([a-z][\w-]*)", STYLES))


@pytest.mark.parametrize("name", EVERY_TEMPLATE)
def test_no_box_stands_inside_a_paragraph(name: str) -> None:
    boxes = (
        r"\{\{-? *(forms\.(?!csrf|button)|ui\.(?!chip)|clock\.(?!when|bars)|letter\.|giving\.)\w+|\{% *call "
    )
    for paragraph in re.findall(r"<p[ >].*?</p>", (TEMPLATES / name).read_text(), re.DOTALL):
        assert not re.search(boxes, paragraph), f"a browser closes the <p> early, use <div>: {paragraph}"


def test_rendered_style_guide_has_nothing_inline_and_nothing_from_elsewhere(styleguide: str) -> None:
    assert_clean(styleguide)


def assert_clean(markup: str) -> None:
    """What our content security policy would block must not be written."""
    page = Page(markup)
    for tag, attrs in page.elements:
        assert tag != "style"
        assert tag != "script" or "src" in attrs
        for attribute, value in attrs.items():
            assert attribute != "style", f"style on <{tag}>"
            assert not attribute.startswith(("on", "hx-on", "data-hx-on")), f"{attribute} on <{tag}>"
            assert not (attribute in FETCHED or tag == "link") or not LEADS_AWAY.match(value or ""), (
                f"{value} in <{tag}>"
            )
            assert not re.match(r"\s*javascript:", value or ""), f"{value} in <{tag}>"


@pytest.mark.parametrize("path", MACROS, ids=lambda path: path.stem)
def test_every_macro_is_explained_and_shown(path: Path) -> None:
    source = path.read_text()
    shown = "".join(
        other.read_text()
        for other in (
            *MACROS,
            TEMPLATES / "base.html",
            TEMPLATES / "styleguide.html",
            TEMPLATES / "errors" / "error.html",
        )
    )
    names = re.findall(r"\{% macro ([a-z]\w*)\(", source)
    assert names
    for name in names:
        assert re.search(rf"\{{# {name}\([^#]*#\}}\n\{{% macro {name}\(", source), (
            f"{name} needs a comment above it"
        )
        uses = re.findall(
            rf"\b(?:{path.stem}\.)?{name}\(", re.sub(r"\{#.*?#\}|macro \w+\(", "", shown, flags=re.DOTALL)
        )
        assert uses, f"{name} is shown nowhere"


def test_style_guide_ties_words_to_controls(styleguide: str) -> None:
    page = Page(styleguide)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for attribute in ("aria-describedby", "aria-labelledby", "for", "popovertarget", "data-copy"):
        references = [reference for value in page.values(attribute) for reference in value.split()]
        assert references
        assert set(references) <= set(ids), attribute


def test_field_says_what_is_wrong_and_keeps_what_was_typed(styleguide: str) -> None:
    (email,) = (attrs for _tag, attrs in Page(styleguide).elements if attrs.get("id") == "again-email")
    assert email["aria-invalid"] == "true"
    assert email["aria-describedby"] == "again-email-error"
    assert email["value"] == "ann at example"
    assert 'href="#again-email"' in styleguide


def test_headings_leave_out_no_level(styleguide: str) -> None:
    levels = [int(tag[1]) for tag, _attrs in Page(styleguide).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(deeper - upper <= 1 for upper, deeper in pairwise(levels))


def test_every_post_form_carries_the_token(styleguide: str) -> None:
    forms = re.findall(r'<form[^>]*method="post".*?</form>', styleguide, re.DOTALL)
    assert forms
    assert all('name="csrf_token" value="a-token"' in form for form in forms)


@pytest.mark.parametrize("code", ERRORS)
def test_error_page_needs_no_session_no_database_and_no_user(look: Flask, code: int) -> None:
    with look.test_request_context("/nowhere"):
        page = render_template("errors/error.html", code=code)
    assert f">{code}</text>" in page
    assert re.search(r"<h1>\S.+</h1>", page)
    assert 'class="btn" href="/"' in page
    assert "csrf_token" not in page


def test_error_page_says_when_to_try_again_and_what_to_do_instead(look: Flask) -> None:
    with look.test_request_context("/nowhere"):
        page = render_template("errors/error.html", code=429, minutes=3, detail="Wait <b>for it</b>.")
    assert "Try again in 3 minutes." in page
    assert "Wait &lt;b&gt;for it&lt;/b&gt;." in page


def test_frame_speaks_the_reader_s_language(look: Flask) -> None:
    with look.test_request_context("/"):
        page = render_template(
            "base.html", current_locale="pt_BR", nav_items=[("/exchanges", "Exchanges", True)]
        )
    assert '<html lang="pt-BR">' in page
    assert '<a href="/exchanges" aria-current="page">Exchanges</a>' in page
    assert '<a class="skip" href="#main">' in page


def test_match_is_never_printed(styleguide: str) -> None:
    (opening,) = (
        attrs for _tag, attrs in Page(styleguide).elements if "opening" in (attrs.get("class") or "").split()
    )
    assert "secret" in (opening["class"] or "").split()
    printing = STYLES[STYLES.index("@media print") :]
    assert re.search(r"[^}]*\.secret[^}]*\{ display: none; \}", printing)
