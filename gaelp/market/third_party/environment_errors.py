"""The errors with which an environment is refused. Touch this to add one."""

from __future__ import annotations

from gaelp.errors import WRONG_USE, GaelpError


class UnknownEnvironment(GaelpError, LookupError):
    """No installed package offers an environment of that id, or it could not be loaded."""

    permanent = True
    exit_code = WRONG_USE


class BrokenContract(GaelpError, ValueError):
    """A foreign environment that is not what the contract says; the message names it and the first difference."""

    permanent = True
