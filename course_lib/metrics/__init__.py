"""Metrics: how good, and how sure."""
