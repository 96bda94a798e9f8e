"""Tests that hold the rules of the house, by reading it."""
