"""Tests of the room `draws`."""
