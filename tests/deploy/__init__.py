"""Tests of the examples in `deploy/`: they name what exists, and proxies do with them what they promise."""
