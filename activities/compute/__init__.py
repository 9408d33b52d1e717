"""COMPUTE: activities that run agents, in a process without credentials. Touch this folder when agents are given
another kind of work."""
