"""Upkeep: backups, moving to another database, and a new secret key."""
