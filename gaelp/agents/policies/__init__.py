"""The agents that ship: those that learn, the baselines that are always present, and a poor one.

Touch this to add an agent; its entry point is in pyproject.toml.
"""
