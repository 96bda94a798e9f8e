"""What stands on a page: every text that a reader meets, and its forms as they would be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

# Code, logs and scripts speak no language, and people typed what stands in an area for text. The zones and
# currencies to choose from are named by a library.
_NOT_READ = {"code", "pre", "script", "style", "textarea"}
_NAMED_ELSEWHERE = re.compile(r"[A-Z]{3}|\w+/.+")
_WITHOUT_END = {"br", "circle", "hr", "img", "input", "link", "meta", "path", "rect", "use", "wbr"}
_SHOWN = ("title", "alt", "placeholder", "aria-label", "aria-description", "data-confirm", "data-copied")


@dataclass
class Form:
    """A form: where it goes, what its buttons say, and what it sends as it stands."""

    action: str
    buttons: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page as it was sent."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.forms: list[Form] = []
        self.controls: dict[str, tuple[str, str]] = {}
        self._labels: list[tuple[str, str]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def field(self, label: str) -> tuple[str, str]:
        """The name of the control with this label, and what it sends once it is ticked."""
        return next(self.controls[at] for text, at in self._labels if label in text and at in self.controls)

    def form(self, button: str) -> Form:
        """The form that has this button."""
        return next(form for form in self.forms if any(button in said for said in form.buttons))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what it shows, and what it adds to the form it stands in."""
        given = {name: value or "" for name, value in attrs}
        self.texts.update(_line(given[name]) for name in _SHOWN if given.get(name))
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        elif given.get("name") and tag in {"input", "select", "textarea"}:
            at = given.get("id") or f"{given['name']} {given.get('value')}"
            self.controls[at] = given["name"], given.get("value", "on")
            for around in (values for outer, values in self._open if outer == "label"):
                around.setdefault("for", at)
            if given.get("type") == "hidden" and self.forms:
                self.forms[-1].values[given["name"]] = given["value"]
        if tag not in _WITHOUT_END:
            self._open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Note a text, and what it is the label of."""
        text = _line(data)
        if not text or any(_is_not_read(tag, given) for tag, given in self._open):
            return
        self.texts.add(text)
        for tag, given in self._open:
            if tag == "label":
                self._labels.append((text, given.get("for", "")))
            elif tag == "button" and self.forms:
                self.forms[-1].buttons.append(text)


def _is_not_read(tag: str, given: dict[str, str]) -> bool:
    return tag in _NOT_READ or (tag == "option" and bool(_NAMED_ELSEWHERE.fullmatch(given.get("value", ""))))


def _line(text: str) -> str:
    return " ".join(text.split())
