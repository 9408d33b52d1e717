"""Verbs that ask a real log: `evaluate`, `replay` and `calibrate`. Touch this to ask another question of a log."""
