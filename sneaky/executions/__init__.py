"""Runs of jobs: claims, requests, overrides, alerts and heartbeats."""
