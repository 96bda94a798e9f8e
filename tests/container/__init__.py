"""Tests of the container's entrypoint."""
