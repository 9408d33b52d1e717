"""What a tracker of experiments is given of a run, and the one that ships. A tracker only receives: nothing reads it.

Touch this to give trackers one more thing; how a report looks is beside it.
"""
