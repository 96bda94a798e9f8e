"""The runs of jobs: all of them, one with its progress and its log, stopped or tried again."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from sneaky.core.errors import RuleBroken
from sneaky.executions import requests, runs
from sneaky.executions.health import leader
from sneaky.executions.history import BEGIN_OF_IDS
from sneaky.jobs import steering
from sneaky.jobs.timetable import BY_ID
from sneaky.models import ExecutionState
from sneaky.web.guards import admin_only, current_organizer
from sneaky.web.operations import blueprint
from sneaky.web.operations.answers import done, refused, show
from sneaky.web.organizer.asked import page_number
from sneaky.web.wording import told


@blueprint.get("/operations/executions.json")
@blueprint.get("/operations/executions")
@admin_only
def executions() -> ResponseReturnValue:
    """Every run, newest first, or those of one job or in one state."""
    asked_job, asked_state = request.args.get("job", ""), request.args.get("state", "")
    state = ExecutionState(asked_state) if asked_state in list(ExecutionState) else None
    page = runs.page(
        page_number(),
        job_id="" if asked_job in BEGIN_OF_IDS else asked_job,
        job_id_begin=BEGIN_OF_IDS.get(asked_job, ""),
        state=state,
    )
    return show("operations/executions.html", page=page, job=asked_job, state=asked_state, jobs=list(BY_ID))


@blueprint.get("/operations/executions/<public_id>.json")
@blueprint.get("/operations/executions/<public_id>")
@admin_only
def execution(public_id: str) -> ResponseReturnValue:
    """One run, or the request for one; a page that looks again gets the part that changes."""
    details = runs.details(public_id)
    asked = None if details else requests.find(public_id)
    template = "_execution.html" if "HX-Request" in request.headers else "execution.html"
    return show(f"operations/{template}", execution=details, asked=asked, leader=leader())


@blueprint.post("/operations/executions/<public_id>/stop")
@admin_only
def stop(public_id: str) -> ResponseReturnValue:
    """Ask a run to stop after its current batch."""
    address = url_for(".execution", public_id=public_id)
    try:
        steering.stop_run(public_id, organizer_id=current_organizer().id)
    except RuleBroken as rule:
        return refused(told(rule), address)
    return done(_("It stops after the batch it is at."), address, code=202, id=public_id, url=address)


@blueprint.post("/operations/executions/<public_id>/retry")
@admin_only
def retry(public_id: str) -> ResponseReturnValue:
    """Ask for a failed run to be made again, as a new run."""
    try:
        again = steering.retry_run(public_id, organizer_id=current_organizer().id)
    except RuleBroken as rule:
        return refused(told(rule), url_for(".execution", public_id=public_id))
    address = url_for(".execution", public_id=again)
    return done(
        _("It is tried again as soon as the clock takes it up."), address, code=202, id=again, url=address
    )
