"""Runs of jobs: claims, requests, overrides, alerts, heartbeats."""
