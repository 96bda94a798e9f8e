"""Tests of the room `wishlists`."""
