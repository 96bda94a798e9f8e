"""Somebody with a plain browser: opens pages, fills in forms as they stand there, follows redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclass
class Form:
    """A form on a page: where it goes, which controls it has, and what it sends if nobody types anything."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    controls: set[str] = field(default_factory=set)
    text: str = ""

    def filled_in(self, typed: Mapping[str, str]) -> list[tuple[str, str]]:
        """What it sends with these values typed."""
        return [(name, value) for name, value in self.values if name not in typed] + list(typed.items())


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._written: tuple[str, str] | None = None
        self._options: tuple[str, list[str], str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            if given.get("name"):
                self._form.controls.add(given["name"])
            self._begin(tag, given, self._form)

    def _begin(self, tag: str, given: dict[str, str], form: Form) -> None:
        if tag == "textarea":
            self._written = (given["name"], "")
        elif tag == "select":
            self._options = (given["name"], [], None)
        elif tag == "option" and self._options is not None:
            name, values, selected = self._options
            value = given.get("value", "")
            self._options = (name, [*values, value], value if "selected" in given else selected)
        elif tag == "input" and given.get("name") and _sends(given):
            form.values.append((given["name"], given.get("value", "on")))

    def handle_endtag(self, tag: str) -> None:
        if self._form is None:
            return
        if tag == "textarea" and self._written is not None:
            self._form.values.append(self._written)
            self._written = None
        elif tag == "select" and self._options is not None:
            name, values, selected = self._options
            self._form.values.append((name, selected if selected is not None else values[0]))
            self._options = None
        elif tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        if self._form is not None:
            self._form.text += data
            if self._written is not None:
                name, text = self._written
                self._written = (name, text + data.removeprefix("\n"))


def _sends(given: dict[str, str]) -> bool:
    """Whether a browser sends this input as it stands."""
    kind = given.get("type", "text")
    return kind not in {"submit", "button", "file"} and (
        kind not in {"checkbox", "radio"} or "checked" in given
    )


class Visitor:
    """One browser with its cookies."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        # A server closes a connection that rests for two seconds, maybe just as the next request goes out on
        # it. Browsers then ask again by themselves; this one takes a new connection each time.
        self._session.headers["Connection"] = "close"
        self.url = base_url
        self.status = 0
        self.text = ""

    @property
    def cookies(self) -> requests.cookies.RequestsCookieJar:
        """What it keeps between pages."""
        return self._session.cookies

    def open(self, where: str) -> Visitor:
        """Open an address, absolute or of this instance."""
        return self._show(self._session.get(urljoin(self._base_url, where), timeout=30))

    def submit(self, text: str = "", /, **typed: str) -> Visitor:
        """Fill in the form that has these controls and holds `text`, and send it."""
        parser = _Forms()
        parser.feed(self.text)
        fitting = [
            form
            for form in parser.forms
            if form.method == "post" and text in form.text and typed.keys() <= form.controls
        ]
        assert fitting, f"no form “{text}” with {set(typed)} on {self.url}:\n{self.text}"
        answer = self._session.post(
            urljoin(self.url, fitting[0].action),
            data=fitting[0].filled_in(typed),
            headers={"Origin": self._base_url, "Referer": self.url},
            timeout=30,
        )
        return self._show(answer)

    def _show(self, answer: requests.Response) -> Visitor:
        self.url, self.status, self.text = answer.url, answer.status_code, answer.text
        assert answer.status_code < 500, f"{answer.url}: {answer.status_code}\n{answer.text}"
        return self
