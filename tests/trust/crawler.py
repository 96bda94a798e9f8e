"""Follows every link and sends every form that only asks, from page to page, and looks at what comes back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tests.trust.instance import BASE_URL, Answer, Browser

MARK = "mark'\"><i>9"
_LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}
# Where a secret in an address is meant: the link proves who asks, and is replaced by a redirect.
_TOKEN = re.compile(r"/(m|j|u|setup|reset|invitation)/[\w-]{20,}")
_SECRETS = {"token", "password", "csrf_token", "code"}
# Letters are shown as mail programs show them, with their styles in place.
_SHOWN_LETTER = re.compile(r"^/operations/letters/[\w-]+/html")
_CODE = ("javascript:", "vbscript:", "data:text")
# What a page of its own asks for: at most so many answers of one kind, however many names a list has.
_VARIANTS = 12


class _Page(HTMLParser):
    """Collects where a page leads, what it loads, and the forms that only ask."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.posts: list[str] = []
        self.alarms: list[str] = []
        self._form: tuple[str, dict[str, str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.alarms += _alarms(tag, given)
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])
        if given.get(_LOADING.get(tag, "")) and given.get("rel") not in {"canonical", "alternate"}:
            self.loads.append(given[_LOADING[tag]])
        if tag == "form":
            if given.get("method", "get").lower() == "get":
                self._form = given.get("action", ""), {}
            else:
                self.posts.append(given.get("action", ""))
        elif self._form is not None and given.get("name"):
            self._form[1][given["name"]] = given.get("value") or MARK

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form is not None:
            action, values = self._form
            self.leads.append(f"{action}?{urlencode(values)}")
            self._form = None


def _alarms(tag: str, given: dict[str, str]) -> list[str]:
    """What no page of ours has, so that somebody must have typed it."""
    found = [f"<{tag} {name}>" for name in given if name.startswith("on") or name == "style"]
    if tag in {"iframe", "base", "object", "embed", "style"} or (tag == "script" and "src" not in given):
        found.append(f"a <{tag} style>" if tag == "style" else f"a <{tag}>")
    leads = (given.get(name, "").strip().lower() for name in ("href", "action", "formaction", "src"))
    found += [f"<{tag}> to {lead}" for lead in leads if lead.startswith(_CODE)]
    if "evil.example" in given.get("action", "") + given.get("content", ""):
        found.append(f"<{tag}> to evil.example")
    return found


def alarms_in(text: str) -> list[str]:
    """What a page has that must have been typed by somebody."""
    page = _Page()
    page.feed(text)
    return page.alarms


@dataclass
class Crawl:
    """What one browser could reach: each address with its answer, and what was wrong."""

    answers: dict[str, Answer] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    posts: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """Every page in one."""
        return "\n".join(answer.text for answer in self.answers.values())


def crawl(browser: Browser, *starts: str, most: int = 400) -> Crawl:
    """Open the addresses, then all they lead to within the instance."""
    done, waiting, shapes = Crawl(), list(starts), dict[str, int]()
    while waiting:
        address = waiting.pop(0)
        shape = re.sub(r"[\w-]{22}|\d+|=[^&]*", "*", address)
        shapes[shape] = shapes.get(shape, 0) + 1
        if address in done.answers or shapes[shape] > _VARIANTS or len(done.answers) >= most:
            continue
        answer = browser.ask("GET", address)
        done.answers[address] = answer
        _look(done, address, answer)
        waiting += _next(done, address, answer)
    return done


def _next(done: Crawl, address: str, answer: Answer) -> list[str]:
    """The addresses of ours that a page leads to; a foreign one may only be a link that somebody presses."""
    if answer.place:
        leads, loads = [answer.place], []
    else:
        page = _Page()
        if answer.headers.get("content-type", "").startswith("text/html"):
            page.feed(answer.text)
        allowed = " style>" if _SHOWN_LETTER.match(address) else "nothing"
        done.complaints += [f"{address} has {alarm}" for alarm in page.alarms if not alarm.endswith(allowed)]
        leads, loads = page.leads, page.loads
        done.posts |= {urljoin(address, post) or address for post in page.posts}
    for load in loads:
        if urlsplit(load).netloc or load.startswith("//"):
            done.complaints.append(f"{address} loads {load}")
    found = []
    for lead in [*leads, *loads]:
        parts = urlsplit(urljoin(f"{BASE_URL}{address}", lead))
        if f"{parts.scheme}://{parts.netloc}" == BASE_URL:
            found.append(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        elif answer.place:
            done.complaints.append(f"{address} sends people to {answer.place}")
        elif parts.scheme not in {"https", "http", "mailto", "data"}:
            done.complaints.append(f"{address} leads to {lead}")
    return found


def _look(done: Crawl, address: str, answer: Answer) -> None:
    """What no answer may be."""
    said = answer.headers
    is_file = address.startswith("/static/")
    is_html = said.get("content-type", "").startswith("text/html")
    problems = {
        f"answers {answer.status}": answer.status >= 500,
        "has no content policy": "content-security-policy" not in said,
        "may be sniffed": said.get("x-content-type-options") != "nosniff",
        "may be kept": not is_file and said.get("cache-control") != "no-store",
        "carries a secret in its address": bool(_TOKEN.search(address)) and "/j/" not in address,
        "reflects what was asked": is_html and MARK in answer.text,
        "tells a fault": "Traceback" in answer.text or "sqlalchemy" in answer.text.lower(),
        "has a secret in its query": bool(_SECRETS & dict(parse_qsl(urlsplit(address).query)).keys()),
    }
    done.complaints += [f"{address} {problem}" for problem, is_so in problems.items() if is_so]
