"""Verbs that show runs: status, list, watch, report. Touch this to show more of a run."""
