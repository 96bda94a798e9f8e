"""Tests of the room `exchanges`."""
