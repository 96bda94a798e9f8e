"""What the clock remembers: who leads, what ran, what should run, what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    Unicode,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sneaky.core.db import Base, pk
from sneaky.models.columns import ID_LENGTH, not_negative, one_of, plain_json, public_id, reference
from sneaky.models.states import ExecutionState, RequestState, Trigger, TroubleKind

JOB_ID_LENGTH = 120


class Leader(Base):
    """The one row that says which process leads: its holder, its term, its last beat."""

    __tablename__ = "leader"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    term: Mapped[int] = mapped_column(default=0)
    beat: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime | None]
    ticked_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class Worker(Base):
    """A process that makes runs and never leads; it is there as long as `seen_at` keeps changing."""

    __tablename__ = "worker"

    instance: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    since: Mapped[datetime]
    seen_at: Mapped[datetime]


# Spelled out, since SQLite uses a partial index only for the very words of its condition.
WAITS_FOR_A_WORKER = text("state = 'running' AND lease_id IS NULL")


class JobExecution(Base):
    """One run of a job. The row is the claim: (job id, slot) is unique, and a job runs once at a time.

    Without a lease it waits for somebody to take it; without an instance it has not begun.
    """

    __tablename__ = "job_execution"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    job_id: Mapped[str] = mapped_column(String(JOB_ID_LENGTH))
    slot: Mapped[datetime]
    trigger: Mapped[Trigger] = one_of(Trigger)
    state: Mapped[ExecutionState] = one_of(ExecutionState, default=ExecutionState.RUNNING)
    attempt: Mapped[int] = mapped_column(default=1)
    term: Mapped[int] = mapped_column(default=0)
    lease_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    duration: Mapped[float | None] = mapped_column(Float)
    counts: Mapped[dict[str, Any]] = plain_json(default=dict)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    is_stop_requested: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(String(200), default="")
    error: Mapped[str] = mapped_column(String(500), default="")
    traceback: Mapped[str] = mapped_column(Text, default="")
    log: Mapped[str] = mapped_column(Text, default="")
    instance: Mapped[str] = mapped_column(String(ID_LENGTH))

    __table_args__ = (
        UniqueConstraint("job_id", "slot"),
        Index(
            "uq_job_execution_running",
            "job_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
        ),
        Index(
            "ix_job_execution_waiting",
            "id",
            sqlite_where=WAITS_FOR_A_WORKER,
        ),
        Index("ix_job_execution_started_at", "started_at"),
        Index("ix_job_execution_state_lease_until", "state", "lease_until"),
        not_negative("done"),
    )


class PrunedRuns(Base):
    """How many runs of a job ended in a state and were pruned since, so that totals never shrink."""

    __tablename__ = "pruned_runs"

    job: Mapped[str] = mapped_column(String(JOB_ID_LENGTH), primary_key=True)
    state: Mapped[ExecutionState] = one_of(ExecutionState, primary_key=True)
    runs: Mapped[int]
    seconds: Mapped[float] = mapped_column(Float)


class RunRequest(Base):
    """Somebody asked for a run of a job: now, or again."""

    __tablename__ = "run_request"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    job_id: Mapped[str] = mapped_column(String(JOB_ID_LENGTH), index=True)
    trigger: Mapped[Trigger] = one_of(Trigger)
    state: Mapped[RequestState] = one_of(RequestState, default=RequestState.WAITING)
    reason: Mapped[str] = mapped_column(String(200), default="")
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="SET NULL")
    execution_id: Mapped[int | None] = reference("job_execution", on_delete="SET NULL")
    requested_at: Mapped[datetime]

    __table_args__ = (Index("ix_run_request_state_requested_at", "state", "requested_at"),)


class JobOverride(Base):
    """What an admin changed about a job: paused, or another schedule."""

    __tablename__ = "job_override"

    job_id: Mapped[str] = mapped_column(String(JOB_ID_LENGTH), primary_key=True)
    is_paused: Mapped[bool] = mapped_column(default=False)
    schedule: Mapped[dict[str, Any] | None] = plain_json()
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="SET NULL")
    changed_at: Mapped[datetime]


class Trouble(Base):
    """Something wrong that the admin was told about once; the next success closes it."""

    __tablename__ = "trouble"

    id: Mapped[pk]
    kind: Mapped[TroubleKind] = one_of(TroubleKind)
    subject: Mapped[str] = mapped_column(String(JOB_ID_LENGTH))
    details: Mapped[dict[str, Any]] = plain_json(default=dict)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_trouble_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
        ),
    )


# APScheduler's own table, in the shape its SQLAlchemyJobStore expects.
job_store_table = Table(
    "apscheduler_jobs",
    Base.metadata,
    Column("id", Unicode(191), primary_key=True),
    Column("next_run_time", Float(25), index=True),
    Column("job_state", LargeBinary, nullable=False),
)
