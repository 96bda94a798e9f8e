"""Tests of trust, through a running process."""
