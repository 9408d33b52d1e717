"""Gates: the measurements that a criterion needs, the criteria of each phase, and the verdict.

Touch this together with docs/gates.md. How a number is estimated is in gaelp/evidence.
"""
