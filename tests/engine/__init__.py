"""Tests of procrastinate as the engine."""
