"""The clock: its scheduler, its leader, its store and its reconciliation."""
