"""Exchanges from draft to erasure, and who takes part under which rules."""
