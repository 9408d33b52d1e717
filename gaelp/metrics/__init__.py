"""What a worker measures of itself for Prometheus: which metrics there are, and how they are recorded.

Off unless an address is set; docs/observability.md says what each one is for. Touch this to have metrics for another
system than Prometheus.
"""
