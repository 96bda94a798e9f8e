"""The jobs, by name, runnable by hand: each call is one run with its row in the history."""

from sneaky.jobs.cleanup import cleanup_expired_rate_limits, cleanup_expired_sessions, cleanup_expired_tokens
from sneaky.jobs.drawing import draw_names
from sneaky.jobs.exchanges import auto_complete_exchanges, purge_old_exchanges
from sneaky.jobs.health import scheduler_health_check
from sneaky.jobs.history import prune_job_history
from sneaky.jobs.letters import deliver_letters
from sneaky.jobs.reminders import send_due_reminders, send_reminder_for_exchange
from sneaky.jobs.running import JobResult

__all__ = [
    "JobResult",
    "auto_complete_exchanges",
    "cleanup_expired_rate_limits",
    "cleanup_expired_sessions",
    "cleanup_expired_tokens",
    "deliver_letters",
    "draw_names",
    "prune_job_history",
    "purge_old_exchanges",
    "scheduler_health_check",
    "send_due_reminders",
    "send_reminder_for_exchange",
]
