"""COMPUTE: activities that run agents, in a process without credentials. Touch this to give an agent more."""
