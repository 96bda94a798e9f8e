"""Upkeep: what is kept, moved and sealed anew is all there afterwards."""
