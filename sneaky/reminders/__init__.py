"""Reminders: when they are due, and turning one into letters."""
