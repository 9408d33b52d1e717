"""One page about all runs: what each waits for, spent, earned and may cost.

Touch this to show runs beside each other.
"""
