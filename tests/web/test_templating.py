"""What all templates share."""

from __future__ import annotations

import pytest
from flask import Flask


def test_globals_reach_every_template_and_belong_to_none(app: Flask) -> None:
    app.jinja_env.globals["greeting"] = "Hello"
    assert app.jinja_env.from_string("{{ greeting }}").render() == "Hello"
    assert app.jinja_env.get_template("_macros/ui.html").globals is app.jinja_env.globals
    with pytest.raises(ValueError, match="globals of its own"):
        app.jinja_env.from_string("{{ greeting }}", globals={"greeting": "Bye"})
