"""Tests of the room `matches`."""
