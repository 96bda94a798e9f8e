"""Who may come in: organizers, magic links, sessions, limits, and the audit trail."""
