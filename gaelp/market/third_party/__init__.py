"""Environments of other packages, played as the simulator's own episodes are. Touch this to accept more of them."""
