"""Agents over HTTP: the protocol, and the one call. Touch this when the protocol changes.

This is the network's edge, so it is the one folder of gaelp/agents that is not pure.
"""
