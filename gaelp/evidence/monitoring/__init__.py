"""What stands out in a live campaign's days, and how a learning curve moves (docs/monitoring.md).

`anomaly_detection` is the entry; `watched_days` has what it is given. gaelp/domain/monitoring decides what
is done. Touch this room when another metric is watched, or otherwise.
"""
