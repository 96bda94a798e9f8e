"""Schema revisions, oldest first by date."""
