"""Verbs that start, steer and stop runs. Touch this to change how a run begins or is stopped."""
