"""Gates: the measurements that a criterion needs, the criteria of each phase, and the verdict.

How a number is estimated is in gaelp/evidence.

Touch this together with docs/gates.md.
"""
