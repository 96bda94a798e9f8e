"""Wish lists and telling givers that they changed."""
