"""The revisions of procrastinate's tables, for instances that run on it."""
