"""Conversations: a participant talks with their giver and with their recipient, by role and never by name."""

from sneaky.conversations.notices import tell_unread
from sneaky.conversations.threads import (
    BODY_LENGTH,
    Thread,
    ThreadMessage,
    Unread,
    mark_read,
    open_for,
    thread,
    unread,
    write,
)

__all__ = [
    "BODY_LENGTH",
    "Thread",
    "ThreadMessage",
    "Unread",
    "mark_read",
    "open_for",
    "tell_unread",
    "thread",
    "unread",
    "write",
]
