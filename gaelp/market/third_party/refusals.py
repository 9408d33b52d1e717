"""How an environment is refused. Touch this to add a reason; it imports nothing, so that a worker may name them."""

from __future__ import annotations


class UnknownEnvironment(LookupError):
    """No installed package offers an environment of that id, or it could not be loaded."""


class BrokenContract(ValueError):
    """A foreign environment that is not what the contract says; the message names it and the first difference."""
