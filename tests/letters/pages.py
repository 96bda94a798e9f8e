"""Reading a letter's HTML as a mail program does."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "br", "img", "hr", "input", "link"}


class Page(HTMLParser):
    """Its tags in order, each with its attribute names; its links; whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.open: list[str] = []
        self.is_closed = True
        self.feed(html)
        self.close()
        self.is_closed = self.is_closed and not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _value in attrs)))
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.sources += [given[name] or "" for name in ("src", "background", "srcset") if name in given]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_closed = self.is_closed and bool(self.open) and self.open.pop() == tag
