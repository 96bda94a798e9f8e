"""One person looks at one page in a fresh browser, and everything that the page does is noted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response

from tests.browser.chromium import NARROW
from tests.browser.scenes import Scenes
from tests.browser.tour import Stop

_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_ROUNDS = 3
_NOTE = """
window.noted = {shift: 0, refused: []};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.noted.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
document.addEventListener("securitypolicyviolation", (event) => {
  window.noted.refused.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""
_FOCUSABLE = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")]
  .filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({visibilityProperty: true}))
  .filter((each) => each.type !== "radio" || each.checked
    || !document.querySelector(`input[name="${each.name}"]:checked`)
       && each === document.querySelector(`input[name="${each.name}"]`))
  .length"""
_WATCH_FOCUS = """() => {
  window.focused = new Map();
  document.addEventListener("focusin", ({target}) => {
    const style = getComputedStyle(target), box = target.getBoundingClientRect();
    const isRinged = style.outlineStyle === "auto"
      || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const isAcross = box.right > 0 && box.left < innerWidth;
    const isInView = isAcross && box.bottom > 0 && box.top < innerHeight;
    const name = target.outerHTML.slice(0, 90);
    const fault = isRinged ? "out of view" : "no ring";
    window.focused.set(target, isRinged && isInView ? "" : `${fault}: ${name}`);
  });
}"""


@dataclass
class Visit:
    """An open page and what was noted about it."""

    page: Page
    base_url: str
    answer: Response | None = None
    bytes_received: int = 0
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def html(self) -> str:
        """The markup as the server sent it."""
        assert self.answer is not None
        return self.answer.text()

    def go(self, address: str) -> None:
        """Open a page, and wait until nothing more is loaded."""
        self.answer = self.page.goto(self.base_url + address, wait_until="load")

    def do(self, stop: Stop) -> None:
        """Type, tick and press what the stop asks for, and wait for the page that follows."""
        main = self.page.locator("main")
        if stop.fill:  # what the browser would stop, the server has to answer too
            self.page.evaluate("for (const form of document.forms) form.noValidate = true")
        for label, text in stop.fill.items():
            main.get_by_label(label, exact=False).first.fill(text)
        for label in stop.tick:
            main.get_by_label(label, exact=True).first.check()
        if stop.press:
            self.bytes_received = 0
            with self.page.expect_navigation(wait_until="load") as following:
                main.get_by_role("button", name=stop.press).first.click()
            self.answer = following.value

    def strangers(self) -> list[str]:
        """Requests that left the host."""
        home = urlsplit(self.base_url).netloc
        return [url for url in self.requests if urlsplit(url).netloc not in {home, ""}]

    def noted(self) -> dict[str, Any]:
        """Layout shifts so far (`shift`), and what the content policy refused (`refused`)."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        noted: dict[str, Any] = self.page.evaluate("window.noted")
        return noted

    def violations(self, *, is_page: bool = True) -> list[str]:
        """What axe has against the page, one line each; a letter is no page and has no landmarks."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        found = self.page.evaluate(
            "(tags) => axe.run(document, {runOnly: tags, resultTypes: ['violations']})",
            [*_WCAG, *(["best-practice"] if is_page else [])],
        )
        return [
            f"{rule['id']}: {node['html'][:120]} {node['failureSummary'][:300]}"
            for rule in found["violations"]
            for node in rule["nodes"][:3]
        ]

    def too_wide(self) -> list[str]:
        """What makes the page scroll sideways."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth")
        return [f"the page is {width} wide"] if width > self.page.viewport_size["width"] else []  # type: ignore[index]

    def unreached(self) -> list[str]:
        """Controls that the Tab key does not reach, or reaches without a ring that one can see."""
        self.page.evaluate("document.activeElement?.blur()")
        self.page.evaluate(_WATCH_FOCUS)
        expected: int = self.page.evaluate(_FOCUSABLE)
        faults: list[str] = []
        for _round in range(_ROUNDS):  # fields of a date take several presses each
            for _press in range(expected + 2):
                self.page.keyboard.press("Tab")
            faults = self.page.evaluate("[...window.focused.values()]")
            if len(faults) >= expected:
                break
        self.page.evaluate("document.activeElement?.blur()")
        wrong = [fault for fault in faults if fault]
        return wrong if len(faults) >= expected else [*wrong, f"{len(faults)} of {expected} controls reached"]


@contextmanager
def visiting(
    browser: Browser, base_url: str, scenes: Scenes, who: str = "", **options: Any
) -> Iterator[Visit]:
    """A fresh browser of somebody (a visitor without a name); `options` go to the browser's context."""
    context = browser.new_context(
        **{"viewport": NARROW, "locale": "en-GB", "color_scheme": "light"} | options
    )
    if who:
        context.add_cookies([{"name": "sneaky", "value": scenes.cookies[who], "url": base_url}])
    context.add_init_script(_NOTE)
    page = context.new_page()
    visit = Visit(page, base_url)
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: visit.complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")

    def count(event: dict[str, Any]) -> None:
        visit.bytes_received += int(event["encodedDataLength"])

    wire.on("Network.loadingFinished", count)
    try:
        yield visit
    finally:
        context.close()
