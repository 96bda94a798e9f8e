"""A job whose body the test writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.jobs.timetable import Timed
from sneaky.jobs.work import WORKS, Work
from sneaky.models import JobExecution

MakeJob = Callable[..., Work]


@pytest.fixture
def make_job(monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """Makes a body the job `probe`, with limits as given."""

    def make(body: Callable[..., None], **limits: Any) -> Work:
        soft = timedelta(seconds=limits.pop("soft", 30))
        hard = timedelta(seconds=limits.pop("hard", 60))
        work = Work(Timed("probe", "Probe", soft_limit=soft, hard_limit=hard, **limits), body, "probe_{}")
        monkeypatch.setitem(WORKS, "probe", work)
        return work

    return make


def runs() -> list[JobExecution]:
    """Every run on record, read anew."""
    db.session.remove()
    return list(db.session.scalars(select(JobExecution).order_by(JobExecution.id)))
