"""The demo with every state beside it, served: what the tests and the pictures look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sneaky.outbox.transports.file import letters_in
from tests.browser.scenes import Scenes, set_up
from tests.browser.served import Served, serving


@contextmanager
def demo_instance(folder: Path) -> Iterator[tuple[Served, Scenes]]:
    """Fill an instance in `folder` and serve it."""
    instance = Served(folder)
    instance.run("demo")
    with instance.app():
        scenes = set_up()
    scenes.places["letter"] = letters_in(folder / "letters")[0].name
    with serving(instance):
        yield instance, scenes
