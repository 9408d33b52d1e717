"""Verbs for what a run is made of: logs, agents, environments. Touch this to bring something in."""
