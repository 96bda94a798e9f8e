"""The tables: what is remembered, with its constraints. No commits and no mail on this floor."""

from sneaky.models.clockwork import JobExecution, JobOverride, Leader, RunRequest, Trouble, job_store_table
from sneaky.models.draws import Conversation, Draw, Match, Message, PairMemory
from sneaky.models.exchanges import Exchange, Exclusion, Household, Participant, Reminder, WishListItem
from sneaky.models.letters import Letter
from sneaky.models.people import AuditEntry, Instance, MagicToken, Organizer, RateLimit, SessionRow
from sneaky.models.states import (
    AvoidLastYear,
    CompletedReason,
    DrawState,
    ExchangeState,
    ExecutionState,
    LetterKind,
    LetterState,
    MessageAuthor,
    ParticipantState,
    ReminderState,
    RequestState,
    TokenPurpose,
    Trigger,
    TroubleKind,
)

__all__ = [
    "AuditEntry",
    "AvoidLastYear",
    "CompletedReason",
    "Conversation",
    "Draw",
    "DrawState",
    "Exchange",
    "ExchangeState",
    "Exclusion",
    "ExecutionState",
    "Household",
    "Instance",
    "JobExecution",
    "JobOverride",
    "Leader",
    "Letter",
    "LetterKind",
    "LetterState",
    "MagicToken",
    "Match",
    "Message",
    "MessageAuthor",
    "Organizer",
    "PairMemory",
    "Participant",
    "ParticipantState",
    "RateLimit",
    "Reminder",
    "ReminderState",
    "RequestState",
    "RunRequest",
    "SessionRow",
    "TokenPurpose",
    "Trigger",
    "Trouble",
    "TroubleKind",
    "WishListItem",
    "job_store_table",
]
