"""Figures for people: what was earned, and the agent beside the baselines. No gate reads them.

Touch this room for what a report or `status` shows; what a gate judges is measured beside it.
"""
