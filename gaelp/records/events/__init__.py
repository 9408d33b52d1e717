"""Lifecycle events and live metrics for others to follow. Touch this to publish elsewhere."""
