"""Tests of workers: what the leader leaves, they take."""
