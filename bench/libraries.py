"""A bare app with our libraries, loaded and started, that does nothing with them: the floor of our memory."""

from __future__ import annotations

import argon2  # noqa: F401
import flask_babel  # noqa: F401
import flask_wtf  # noqa: F401
import tenacity  # noqa: F401
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///:memory:"
db = SQLAlchemy(app)
with app.app_context():
    scheduler = BackgroundScheduler({"apscheduler.timezone": "UTC"})
    scheduler.add_jobstore(SQLAlchemyJobStore(engine=db.engine))
    scheduler.start()


@app.get("/")
def hello() -> str:
    """Greet."""
    return "Hello"
