"""Serving: gunicorn, its workers and their clocks."""
