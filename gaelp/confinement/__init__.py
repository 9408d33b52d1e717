"""Runs foreign code in a child process that reaches nothing: no network, no secret, no file but its packages.

Agents and environments come from other people's packages. A child imports and runs them; the process that asks it holds
the connections, checks every answer and bounds its size. Touch this folder when foreign code is given another job, or
needs something that its child refuses.
"""
