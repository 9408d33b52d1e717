"""Campaigns that advance together, tick by tick, and the result of a batch. Touch this to change an episode."""
