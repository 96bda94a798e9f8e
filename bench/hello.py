"""The smallest Flask app there is: what a served process weighs before it does anything."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """Greet."""
    return "Hello"
