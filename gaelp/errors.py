"""The base of every error of ours: whether a retry can mend it, and with which exit code it ends a command.

`permanent` answers the first question: activities/effects.py tells Temporal not to repeat an activity that raised a
permanent error. `exit_code` answers the second: gaelp/commands/dispatch.py prints the message of an error of ours and
ends with that code. Most errors end with FAILED, which is 1. Exit code 2, WRONG_USE, says that the command line or the
configuration was wrong; these errors end with it: ConfigurationErrors, UnknownAgent, UnknownEnvironment, WrongUse. An
exception that is not of ours is a fault of the program: a command calls it unexpected and ends with 1.

An error keeps a second base, such as ValueError, where callers or Python itself rely on it. Touch this to change what
every error of ours says about itself.
"""

from __future__ import annotations

FAILED, WRONG_USE = 1, 2


class GaelpError(Exception):
    """An error of ours; its message is one sentence that a user can read, and it holds no secret."""

    permanent: bool = False
    """No retry can mend it. A class says so for all its errors, or an instance for itself."""
    exit_code: int = FAILED
    """What a command that it ends returns to the shell."""

    def detail(self) -> dict[str, object]:
        """What `--json` shows beside the message and the exit code; JSON values by name."""
        return {}
