"""Faults: real processes killed, frozen and stopped, databases restarted, clocks set."""
