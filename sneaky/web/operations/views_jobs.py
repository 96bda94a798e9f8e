"""The jobs of the clock: what is scheduled, what ran, and what an admin may change."""

from __future__ import annotations

from flask import jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.core.errors import NotFound
from sneaky.engine.queues import queues
from sneaky.executions import requests
from sneaky.jobs import steering
from sneaky.jobs.agenda import coming_reminders
from sneaky.jobs.closeup import close_up
from sneaky.jobs.overview import jobs_overview
from sneaky.web.forms import form_page
from sneaky.web.guards import admin_only, current_organizer
from sneaky.web.operations import blueprint
from sneaky.web.operations.answers import done, plain, show, wants_json
from sneaky.web.operations.forms import schedule_form

_BARS = 14
_REMINDERS_SHOWN = 10
_RUNS_SHOWN = 20


@blueprint.get("/operations/jobs.json")
@blueprint.get("/operations/jobs")
@admin_only
def jobs() -> ResponseReturnValue:
    """Every job with its schedule, its next run and its last ones."""
    return show(
        "operations/jobs.html",
        overview=jobs_overview(_BARS),
        agenda=coming_reminders(_REMINDERS_SHOWN),
        waiting={asked.job_id: asked.public_id for asked in requests.waiting()},
        queues=queues(),
    )


@blueprint.get("/operations/jobs/<job_id>.json")
@blueprint.get("/operations/jobs/<job_id>")
@admin_only
def job(job_id: str) -> ResponseReturnValue:
    """One job."""
    page = close_up(job_id, _RUNS_SHOWN)
    if wants_json():
        return jsonify(plain(page))
    form = schedule_form(page.line) if page.line else None
    return render_template("operations/job.html", form=form, page=page)


@blueprint.post("/operations/jobs/<job_id>/run")
@admin_only
def run_request(job_id: str) -> ResponseReturnValue:
    """Ask for a run now; the answer is the address where it will be seen."""
    public_id = steering.run_now(job_id, organizer_id=current_organizer().id)
    address = url_for(".execution", public_id=public_id)
    return done(_("It runs as soon as the clock takes it up."), address, code=202, id=public_id, url=address)


@blueprint.post("/operations/jobs/<job_id>/pause")
@admin_only
def pause(job_id: str) -> ResponseReturnValue:
    """Let a job rest until somebody resumes it."""
    steering.set_paused(job_id, True, organizer_id=current_organizer().id)
    return done(_("Paused. It does not run by itself until you resume it."), _back(job_id), is_paused=True)


@blueprint.post("/operations/jobs/<job_id>/resume")
@admin_only
def resume(job_id: str) -> ResponseReturnValue:
    """Let a paused job go on."""
    steering.set_paused(job_id, False, organizer_id=current_organizer().id)
    return done(_("It runs by itself again."), _back(job_id), is_paused=False)


@blueprint.post("/operations/jobs/<job_id>/schedule")
@admin_only
def reschedule(job_id: str) -> ResponseReturnValue:
    """Move a job within its bounds."""
    line = close_up(job_id, 0).line
    if line is None:
        raise NotFound
    form = schedule_form(line)
    with form.blaming_fields():
        steering.reschedule(job_id, form.wanted(), organizer_id=current_organizer().id)
        return done(_("The new schedule counts from now on."), _back(job_id), schedule=form.wanted())
    if wants_json():
        return jsonify(errors=form.errors), 422
    return form_page("operations/job.html", form, page=close_up(job_id, _RUNS_SHOWN))


def _back(job_id: str) -> str:
    return url_for(".job", job_id=job_id)
