"""Create every table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_first_tables"
down_revision = None
branch_labels = None
depends_on = None


def _one_of(column: str, *values: str) -> str:
    """A check that SQLite need not build a list for at each row, as it must for an IN."""
    return " OR ".join(f"{column} = '{value}'" for value in values)


def upgrade() -> None:
    op.create_table(
        "apscheduler_jobs",
        sa.Column("id", sa.Unicode(191), nullable=False),
        sa.Column("next_run_time", sa.Float(25), nullable=True),
        sa.Column("job_state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apscheduler_jobs")),
    )
    op.create_index(op.f("ix_apscheduler_jobs_next_run_time"), "apscheduler_jobs", ["next_run_time"])

    op.create_table(
        "instance",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("set_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_fingerprint", sa.String(length=16), nullable=True),
        sa.Column("mail_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_accepted_by", sa.String(length=22), nullable=True),
        sa.Column("mail_paced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_paused_reason", sa.String(length=500), nullable=True),
        sa.Column("mail_held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_held_reason", sa.String(length=500), nullable=True),
        sa.Column("backed_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "job_execution",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(length=120), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trigger", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("lease_id", sa.String(length=22), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("is_stop_requested", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("instance", sa.String(length=22), nullable=False),
        sa.CheckConstraint(
            _one_of("state", "running", "succeeded", "failed", "abandoned", "skipped"),
            name=op.f("ck_job_execution_state_is_known"),
        ),
        sa.CheckConstraint(
            _one_of("trigger", "clock", "catch-up", "manual", "shell", "retry"),
            name=op.f("ck_job_execution_trigger_is_known"),
        ),
        sa.CheckConstraint("done >= 0", name=op.f("ck_job_execution_done_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_execution")),
        sa.UniqueConstraint("job_id", "slot", name=op.f("uq_job_execution_job_id_slot")),
        sa.UniqueConstraint("public_id", name=op.f("uq_job_execution_public_id")),
    )
    op.create_index("ix_job_execution_started_at", "job_execution", ["started_at"], unique=False)
    op.create_index(
        "ix_job_execution_state_lease_until", "job_execution", ["state", "lease_until"], unique=False
    )
    op.create_index(
        "ix_job_execution_waiting",
        "job_execution",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'running' AND lease_id IS NULL"),
        postgresql_where=sa.text("state = 'running' AND lease_id IS NULL"),
    )
    op.create_index(
        "uq_job_execution_running",
        "job_execution",
        ["job_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "leader",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(length=22), nullable=True),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("beat", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_leader_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leader")),
    )
    op.create_table(
        "organizer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizer")),
        sa.UniqueConstraint("email", name=op.f("uq_organizer_email")),
        sa.UniqueConstraint("public_id", name=op.f("uq_organizer_public_id")),
    )
    op.create_table(
        "pruned_runs",
        sa.Column("job", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.CheckConstraint(
            _one_of("state", "running", "succeeded", "failed", "abandoned", "skipped"),
            name=op.f("ck_pruned_runs_state_is_known"),
        ),
        sa.PrimaryKeyConstraint("job", "state", name=op.f("pk_pruned_runs")),
    )
    op.create_table(
        "rate_limit",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limit")),
    )
    op.create_index(op.f("ix_rate_limit_expires_at"), "rate_limit", ["expires_at"], unique=False)
    op.create_table(
        "trouble",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            _one_of("kind", "failed", "missing", "slow", "mail_refused"),
            name=op.f("ck_trouble_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trouble")),
    )
    op.create_index(
        "uq_trouble_open",
        "trouble",
        ["kind", "subject"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "worker",
        sa.Column("instance", sa.String(length=22), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_worker")),
    )
    op.create_table(
        "exchange",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("copied_from_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("budget", sa.Numeric(precision=10, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("event_local", sa.DateTime(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registration_ends_local", sa.DateTime(), nullable=True),
        sa.Column("registration_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminder_days", sa.JSON(), nullable=False),
        sa.Column("has_reminders", sa.Boolean(), nullable=False),
        sa.Column("no_reciprocal", sa.Boolean(), nullable=False),
        sa.Column("single_loop", sa.Boolean(), nullable=False),
        sa.Column("avoid_last_year", sa.String(length=32), nullable=False),
        sa.Column("join_nonce", sa.String(length=22), nullable=True),
        sa.Column("join_hash", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_reason", sa.String(length=32), nullable=True),
        sa.Column("purge_warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'completed') = (completed_at IS NOT NULL)",
            name=op.f("ck_exchange_completed_has_instant"),
        ),
        sa.CheckConstraint(
            _one_of("avoid_last_year", "off", "soft", "hard"),
            name=op.f("ck_exchange_avoid_last_year_is_known"),
        ),
        sa.CheckConstraint(
            _one_of("completed_reason", "date_passed", "cancelled", "never_drawn"),
            name=op.f("ck_exchange_completed_reason_is_known"),
        ),
        sa.CheckConstraint(
            _one_of("state", "draft", "registration_open", "registration_closed", "matched", "completed"),
            name=op.f("ck_exchange_state_is_known"),
        ),
        sa.CheckConstraint(
            "(completed_at IS NULL) = (completed_reason IS NULL)",
            name=op.f("ck_exchange_completed_has_reason"),
        ),
        sa.CheckConstraint("budget IS NULL OR budget >= 0", name=op.f("ck_exchange_budget_not_negative")),
        sa.ForeignKeyConstraint(
            ["copied_from_id"],
            ["exchange.id"],
            name=op.f("fk_exchange_copied_from_id_exchange"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_exchange_organizer_id_organizer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange")),
        sa.UniqueConstraint("join_hash", name=op.f("uq_exchange_join_hash")),
        sa.UniqueConstraint("public_id", name=op.f("uq_exchange_public_id")),
    )
    op.create_index(
        "ix_exchange_completed_at",
        "exchange",
        ["completed_at"],
        unique=False,
        sqlite_where=sa.text("completed_at IS NOT NULL"),
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_exchange_copied_from_id"), "exchange", ["copied_from_id"], unique=False)
    op.create_index(
        "ix_exchange_event_at",
        "exchange",
        ["event_at"],
        unique=False,
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index(op.f("ix_exchange_organizer_id"), "exchange", ["organizer_id"], unique=False)
    op.create_table(
        "job_override",
        sa.Column("job_id", sa.String(length=120), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("schedule", sa.JSON(), nullable=True),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_job_override_organizer_id_organizer"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_override")),
    )
    op.create_index(op.f("ix_job_override_organizer_id"), "job_override", ["organizer_id"], unique=False)
    op.create_table(
        "pair_memory",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pair_tag", sa.LargeBinary(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_pair_memory_organizer_id_organizer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pair_memory")),
        sa.UniqueConstraint("organizer_id", "pair_tag", name=op.f("uq_pair_memory_organizer_id_pair_tag")),
    )
    op.create_table(
        "run_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(length=120), nullable=False),
        sa.Column("trigger", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("execution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            _one_of("state", "waiting", "taken", "refused"), name=op.f("ck_run_request_state_is_known")
        ),
        sa.CheckConstraint(
            _one_of("trigger", "clock", "catch-up", "manual", "shell", "retry"),
            name=op.f("ck_run_request_trigger_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["job_execution.id"],
            name=op.f("fk_run_request_execution_id_job_execution"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_run_request_organizer_id_organizer"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_run_request_public_id")),
    )
    op.create_index(op.f("ix_run_request_execution_id"), "run_request", ["execution_id"], unique=False)
    op.create_index(op.f("ix_run_request_job_id"), "run_request", ["job_id"], unique=False)
    op.create_index(op.f("ix_run_request_organizer_id"), "run_request", ["organizer_id"], unique=False)
    op.create_index(
        "ix_run_request_state_requested_at", "run_request", ["state", "requested_at"], unique=False
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_audit_entry_exchange_id_exchange"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_audit_entry_organizer_id_organizer"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_action"), "audit_entry", ["action"], unique=False)
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"], unique=False)
    op.create_index(op.f("ix_audit_entry_exchange_id"), "audit_entry", ["exchange_id"], unique=False)
    op.create_index(op.f("ix_audit_entry_organizer_id"), "audit_entry", ["organizer_id"], unique=False)
    op.create_table(
        "draw",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("participant_count", sa.Integer(), nullable=False),
        sa.Column("repeated_count", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            _one_of("state", "current", "undone", "replaced"), name=op.f("ck_draw_state_is_known")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_draw_attempts_not_negative")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchange.id"], name=op.f("fk_draw_exchange_id_exchange"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw")),
    )
    op.create_index(op.f("ix_draw_exchange_id"), "draw", ["exchange_id"], unique=False)
    op.create_index(
        "uq_draw_current",
        "draw",
        ["exchange_id"],
        unique=True,
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "household",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_household_exchange_id_exchange"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint("exchange_id", "name", name=op.f("uq_household_exchange_id_name")),
    )
    op.create_table(
        "reminder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("days_before", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("queued_count", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("armed_for", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            _one_of("state", "planned", "sent", "skipped", "cancelled"),
            name=op.f("ck_reminder_state_is_known"),
        ),
        sa.CheckConstraint("days_before BETWEEN 0 AND 365", name=op.f("ck_reminder_days_before_in_a_year")),
        sa.CheckConstraint("queued_count >= 0", name=op.f("ck_reminder_queued_count_not_negative")),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_reminder_exchange_id_exchange"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint(
            "exchange_id", "days_before", "due_at", name=op.f("uq_reminder_exchange_id_days_before_due_at")
        ),
    )
    op.create_index("ix_reminder_state_due_at", "reminder", ["state", "due_at"], unique=False)
    op.create_index(
        "ix_reminder_to_arm",
        "reminder",
        ["id"],
        unique=False,
        sqlite_where=sa.text("(state = 'planned') <> (armed_for IS NOT NULL) OR armed_for <> due_at"),
        postgresql_where=sa.text("(state = 'planned') <> (armed_for IS NOT NULL) OR armed_for <> due_at"),
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("is_guarded", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("wants_reminders", sa.Boolean(), nullable=False),
        sa.Column("wants_notices", sa.Boolean(), nullable=False),
        sa.Column("complained_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("postal_address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("gift_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            _one_of("state", "pending", "active", "withdrawn"), name=op.f("ck_participant_state_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_participant_exchange_id_exchange"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["household_id"],
            ["household.id"],
            name=op.f("fk_participant_household_id_household"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_participant_organizer_id_organizer"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("public_id", name=op.f("uq_participant_public_id")),
    )
    op.create_index(op.f("ix_participant_email"), "participant", ["email"], unique=False)
    op.create_index(op.f("ix_participant_exchange_id"), "participant", ["exchange_id"], unique=False)
    op.create_index(op.f("ix_participant_household_id"), "participant", ["household_id"], unique=False)
    op.create_index(op.f("ix_participant_organizer_id"), "participant", ["organizer_id"], unique=False)
    op.create_index(
        "uq_participant_exchange_id_email",
        "participant",
        ["exchange_id", "email"],
        unique=True,
        sqlite_where=sa.text("NOT is_guarded"),
        postgresql_where=sa.text("NOT is_guarded"),
    )
    op.create_table(
        "exclusion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("giver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("giver_id <> recipient_id", name=op.f("ck_exclusion_not_self")),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_exclusion_exchange_id_exchange"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["giver_id"],
            ["participant.id"],
            name=op.f("fk_exclusion_giver_id_participant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"],
            ["participant.id"],
            name=op.f("fk_exclusion_recipient_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusion")),
        sa.UniqueConstraint("giver_id", "recipient_id", name=op.f("uq_exclusion_giver_id_recipient_id")),
    )
    op.create_index(op.f("ix_exclusion_exchange_id"), "exclusion", ["exchange_id"], unique=False)
    op.create_index(op.f("ix_exclusion_recipient_id"), "exclusion", ["recipient_id"], unique=False)
    op.create_table(
        "magic_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=22), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            _one_of(
                "purpose",
                "setup",
                "confirm_registration",
                "sign_in",
                "match",
                "password_reset",
                "organizer_invitation",
            ),
            name=op.f("ck_magic_token_purpose_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"],
            ["exchange.id"],
            name=op.f("fk_magic_token_exchange_id_exchange"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_magic_token_organizer_id_organizer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_magic_token_participant_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_magic_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_magic_token_token_hash")),
    )
    op.create_index(op.f("ix_magic_token_exchange_id"), "magic_token", ["exchange_id"], unique=False)
    op.create_index(op.f("ix_magic_token_expires_at"), "magic_token", ["expires_at"], unique=False)
    op.create_index(op.f("ix_magic_token_organizer_id"), "magic_token", ["organizer_id"], unique=False)
    op.create_index(op.f("ix_magic_token_participant_id"), "magic_token", ["participant_id"], unique=False)
    op.create_index(
        "ix_magic_token_used_at",
        "magic_token",
        ["used_at"],
        unique=False,
        sqlite_where=sa.text("used_at IS NOT NULL"),
        postgresql_where=sa.text("used_at IS NOT NULL"),
    )
    op.create_table(
        "match",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("draw_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("giver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stand_in_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_tag", sa.LargeBinary(), nullable=False),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("has_gift_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wish_list_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wish_list_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["draw_id"], ["draw.id"], name=op.f("fk_match_draw_id_draw"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["giver_id"], ["participant.id"], name=op.f("fk_match_giver_id_participant"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["stand_in_id"],
            ["participant.id"],
            name=op.f("fk_match_stand_in_id_participant"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match")),
        sa.UniqueConstraint("draw_id", "giver_id", name=op.f("uq_match_draw_id_giver_id")),
        sa.UniqueConstraint("draw_id", "recipient_tag", name=op.f("uq_match_draw_id_recipient_tag")),
    )
    op.create_index(op.f("ix_match_giver_id"), "match", ["giver_id"], unique=False)
    op.create_index(op.f("ix_match_stand_in_id"), "match", ["stand_in_id"], unique=False)
    op.create_index(
        "ix_match_wish_list_changed_at",
        "match",
        ["wish_list_changed_at"],
        unique=False,
        sqlite_where=sa.text("wish_list_changed_at IS NOT NULL"),
        postgresql_where=sa.text("wish_list_changed_at IS NOT NULL"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_session_organizer_id_organizer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_session_participant_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_expires_at"), "session", ["expires_at"], unique=False)
    op.create_index(op.f("ix_session_organizer_id"), "session", ["organizer_id"], unique=False)
    op.create_index(op.f("ix_session_participant_id"), "session", ["participant_id"], unique=False)
    op.create_table(
        "wish_list_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_wish_list_item_participant_id_participant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish_list_item")),
        sa.UniqueConstraint("public_id", name=op.f("uq_wish_list_item_public_id")),
    )
    op.create_index(
        op.f("ix_wish_list_item_participant_id"), "wish_list_item", ["participant_id"], unique=False
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=22), nullable=False),
        sa.Column("match_id", sa.String(length=22), nullable=False),
        sa.ForeignKeyConstraint(
            ["match_id"], ["match.id"], name=op.f("fk_conversation_match_id_match"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("match_id", name=op.f("uq_conversation_match_id")),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("to_email", sa.String(length=254), nullable=False),
        sa.Column("dedupe_key", sa.String(length=120), nullable=True),
        sa.Column("organizer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("exchange_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("participant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("token_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_id", sa.String(length=22), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            _one_of(
                "kind",
                "confirm-registration",
                "already-joined",
                "magic-link",
                "match",
                "recipient-changed",
                "second-gift",
                "wish-list-changed",
                "new-message",
                "reminder",
                "nudge",
                "exchange-changed",
                "exchange-cancelled",
                "purge-warning",
                "password-reset",
                "organizer-invitation",
                "matches-revealed",
                "undelivered",
                "job-failed",
                "test",
            ),
            name=op.f("ck_letter_kind_is_known"),
        ),
        sa.CheckConstraint(
            _one_of("state", "queued", "sending", "sent", "failed", "dead", "bounced", "discarded"),
            name=op.f("ck_letter_state_is_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_letter_attempts_not_negative")),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["exchange.id"], name=op.f("fk_letter_exchange_id_exchange"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organizer_id"],
            ["organizer.id"],
            name=op.f("fk_letter_organizer_id_organizer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_letter_participant_id_participant"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["magic_token.id"], name=op.f("fk_letter_token_id_magic_token"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_letter_dedupe_key")),
    )
    op.create_index(op.f("ix_letter_exchange_id"), "letter", ["exchange_id"], unique=False)
    op.create_index(
        "ix_letter_leased",
        "letter",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(op.f("ix_letter_organizer_id"), "letter", ["organizer_id"], unique=False)
    op.create_index(op.f("ix_letter_participant_id"), "letter", ["participant_id"], unique=False)
    op.create_index("ix_letter_settled_at", "letter", ["settled_at"], unique=False)
    op.create_index(op.f("ix_letter_token_id"), "letter", ["token_id"], unique=False)
    op.create_index(
        "ix_letter_waiting",
        "letter",
        ["priority", "next_try_at", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'failed')"),
        postgresql_where=sa.text("state IN ('queued', 'failed')"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("conversation_id", sa.String(length=22), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.CheckConstraint(_one_of("author", "giver", "recipient"), name=op.f("ck_message_author_is_known")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_message_conversation_id_conversation"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_conversation_id"), "message", ["conversation_id"], unique=False)
    op.create_index(
        "ix_message_untold",
        "message",
        ["sent_at"],
        unique=False,
        sqlite_where=sa.text("NOT is_told"),
        postgresql_where=sa.text("NOT is_told"),
    )


def downgrade() -> None:

    op.drop_index(
        "ix_message_untold",
        table_name="message",
        sqlite_where=sa.text("NOT is_told"),
        postgresql_where=sa.text("NOT is_told"),
    )
    op.drop_index(op.f("ix_message_conversation_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(
        "ix_letter_waiting",
        table_name="letter",
        sqlite_where=sa.text("state IN ('queued', 'failed')"),
        postgresql_where=sa.text("state IN ('queued', 'failed')"),
    )
    op.drop_index(op.f("ix_letter_token_id"), table_name="letter")
    op.drop_index("ix_letter_settled_at", table_name="letter")
    op.drop_index(op.f("ix_letter_participant_id"), table_name="letter")
    op.drop_index(op.f("ix_letter_organizer_id"), table_name="letter")
    op.drop_index(
        "ix_letter_leased",
        table_name="letter",
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.drop_index(op.f("ix_letter_exchange_id"), table_name="letter")
    op.drop_table("letter")
    op.drop_table("conversation")
    op.drop_index(op.f("ix_wish_list_item_participant_id"), table_name="wish_list_item")
    op.drop_table("wish_list_item")
    op.drop_index(op.f("ix_session_participant_id"), table_name="session")
    op.drop_index(op.f("ix_session_organizer_id"), table_name="session")
    op.drop_index(op.f("ix_session_expires_at"), table_name="session")
    op.drop_table("session")
    op.drop_index(
        "ix_match_wish_list_changed_at",
        table_name="match",
        sqlite_where=sa.text("wish_list_changed_at IS NOT NULL"),
        postgresql_where=sa.text("wish_list_changed_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_match_stand_in_id"), table_name="match")
    op.drop_index(op.f("ix_match_giver_id"), table_name="match")
    op.drop_table("match")
    op.drop_index(
        "ix_magic_token_used_at",
        table_name="magic_token",
        sqlite_where=sa.text("used_at IS NOT NULL"),
        postgresql_where=sa.text("used_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_magic_token_participant_id"), table_name="magic_token")
    op.drop_index(op.f("ix_magic_token_organizer_id"), table_name="magic_token")
    op.drop_index(op.f("ix_magic_token_expires_at"), table_name="magic_token")
    op.drop_index(op.f("ix_magic_token_exchange_id"), table_name="magic_token")
    op.drop_table("magic_token")
    op.drop_index(op.f("ix_exclusion_recipient_id"), table_name="exclusion")
    op.drop_index(op.f("ix_exclusion_exchange_id"), table_name="exclusion")
    op.drop_table("exclusion")
    op.drop_index(
        "uq_participant_exchange_id_email",
        table_name="participant",
        sqlite_where=sa.text("NOT is_guarded"),
        postgresql_where=sa.text("NOT is_guarded"),
    )
    op.drop_index(op.f("ix_participant_organizer_id"), table_name="participant")
    op.drop_index(op.f("ix_participant_household_id"), table_name="participant")
    op.drop_index(op.f("ix_participant_exchange_id"), table_name="participant")
    op.drop_index(op.f("ix_participant_email"), table_name="participant")
    op.drop_table("participant")
    op.drop_index(
        "ix_reminder_to_arm",
        table_name="reminder",
        sqlite_where=sa.text("(state = 'planned') <> (armed_for IS NOT NULL) OR armed_for <> due_at"),
        postgresql_where=sa.text("(state = 'planned') <> (armed_for IS NOT NULL) OR armed_for <> due_at"),
    )
    op.drop_index("ix_reminder_state_due_at", table_name="reminder")
    op.drop_table("reminder")
    op.drop_table("household")
    op.drop_index(
        "uq_draw_current",
        table_name="draw",
        sqlite_where=sa.text("state = 'current'"),
        postgresql_where=sa.text("state = 'current'"),
    )
    op.drop_index(op.f("ix_draw_exchange_id"), table_name="draw")
    op.drop_table("draw")
    op.drop_index(op.f("ix_audit_entry_organizer_id"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_exchange_id"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_at"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_action"), table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index("ix_run_request_state_requested_at", table_name="run_request")
    op.drop_index(op.f("ix_run_request_organizer_id"), table_name="run_request")
    op.drop_index(op.f("ix_run_request_job_id"), table_name="run_request")
    op.drop_index(op.f("ix_run_request_execution_id"), table_name="run_request")
    op.drop_table("run_request")
    op.drop_table("pair_memory")
    op.drop_index(op.f("ix_job_override_organizer_id"), table_name="job_override")
    op.drop_table("job_override")
    op.drop_index(op.f("ix_exchange_organizer_id"), table_name="exchange")
    op.drop_index(
        "ix_exchange_event_at",
        table_name="exchange",
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.drop_index(op.f("ix_exchange_copied_from_id"), table_name="exchange")
    op.drop_index(
        "ix_exchange_completed_at",
        table_name="exchange",
        sqlite_where=sa.text("completed_at IS NOT NULL"),
        postgresql_where=sa.text("completed_at IS NOT NULL"),
    )
    op.drop_table("exchange")
    op.drop_table("worker")
    op.drop_index(
        "uq_trouble_open",
        table_name="trouble",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("trouble")
    op.drop_index(op.f("ix_rate_limit_expires_at"), table_name="rate_limit")
    op.drop_table("rate_limit")
    op.drop_table("pruned_runs")
    op.drop_table("organizer")
    op.drop_table("leader")
    op.drop_index(
        "uq_job_execution_running",
        table_name="job_execution",
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.drop_index(
        "ix_job_execution_waiting",
        table_name="job_execution",
        sqlite_where=sa.text("state = 'running' AND lease_id IS NULL"),
        postgresql_where=sa.text("state = 'running' AND lease_id IS NULL"),
    )
    op.drop_index("ix_job_execution_state_lease_until", table_name="job_execution")
    op.drop_index("ix_job_execution_started_at", table_name="job_execution")
    op.drop_table("job_execution")
    op.drop_table("instance")

    op.drop_table("apscheduler_jobs")
