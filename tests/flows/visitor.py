"""Somebody with a plain browser: opens pages, fills in forms as they stand there, follows redirects."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclass
class Form:
    """A form on a page: where it goes, and what it would send if nobody typed anything."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    text: str = ""


class _Forms(HTMLParser):
    """Collects the forms of a page with the values that a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._textarea = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None:
            self._control(tag, given, self._open.values)

    def _control(self, tag: str, given: dict[str, str], values: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "textarea":
            self._textarea = name
            values[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in values):
            values[self._select] = given.get("value", "")
        elif tag == "input" and name and _sends(given):
            values[name] = given.get("value", "on" if given.get("type") == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            if self._textarea:
                self._open.values[self._textarea] += data.removeprefix("\n")
            self._open.text += data


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
        self.url = base_url
        self.status = 0
        self.text = ""

    def open(self, where: str) -> Visitor:
        """Open an address, absolute or of this instance."""
        return self._show(self._session.get(urljoin(self._base_url, where), timeout=30))

    def submit(self, to: str = "", /, **typed: str | None) -> Visitor:
        """Fill in the form whose action or text holds `to`, and send it; None leaves a field out."""
        parser = _Forms()
        parser.feed(self.text)
        posts = [
            form for form in parser.forms if form.method == "post" and (to in form.action or to in form.text)
        ]
        posts = [form for form in posts if set(typed) <= set(form.values) | {"_any"}] or posts
        assert posts, f"no form “{to}” on {self.url}:\n{self.text}"
        form = posts[0]
        unknown = {name for name, value in typed.items() if value is not None} - set(form.values)
        allowed = {"takes_part", "is_mutual", "is_guarded", "confirmed"}
        assert not unknown - allowed, (
            f"the form “{to}” on {self.url} has no {unknown}; it has {sorted(form.values)}"
        )
        values = {name: value for name, value in (form.values | typed).items() if value is not None}
        headers = {"Origin": self._base_url, "Referer": self.url}
        return self._show(
            self._session.post(urljoin(self.url, form.action), data=values, headers=headers, timeout=30)
        )

    def _show(self, answer: requests.Response) -> Visitor:
        self.url, self.status, self.text = answer.url, answer.status_code, answer.text
        assert answer.status_code < 500, f"{answer.url}: {answer.status_code}\n{answer.text}"
        return self
