"""What is watched in live campaigns, and what may be done when something stands out.

`anomalies` has the records, `ladder` decides on a step. The detectors are in gaelp/evidence/monitoring. Touch this when
monitoring decides another thing.
"""
