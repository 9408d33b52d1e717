"""A whole GAELP in a temporary folder, for tests above the unit.

Touch this when a run needs one more thing to exist.
"""
