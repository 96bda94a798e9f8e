"""Tests of the room `letters`."""
