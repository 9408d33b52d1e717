"""The base of every error of ours: whether a retry can mend it, and with which exit code it ends a command.

`permanent` answers the first question: activities/effects.py tells Temporal not to repeat an activity that raised a
permanent error. `exit_code` answers the second: gaelp/commands/dispatch.py prints the message of an error of ours and
ends with that code. Most errors end with FAILED, which is 1. Exit code 2, WRONG_USE, says that the command line, the
configuration or a file that was given is wrong; these errors end with it: ConfigurationErrors, IngestError,
InvalidPolicy, InvalidReplay, LogExists, NotCertified, NotLookedAt, UnknownAgent, UnknownEnvironment, WrongUse. An
exception that is not of ours is a fault of the program: a command calls it unexpected and ends with 1.

`masked` takes passwords out of addresses: of every error of ours, of whatever a command prints (gaelp/commands/
console.py), and of log lines (gaelp/observability.py).

An error keeps a second base, such as ValueError, where callers or Python itself rely on it. Touch this to change what
every error of ours says about itself.
"""

from __future__ import annotations

import re

FAILED, WRONG_USE = 1, 2

MASK = "***"
# Both go up to the last @, because a password may hold any sign; the former lets it hold blanks, but no slash.
_USER_WITH_BLANKS = re.compile(r"(?<=://)[^\s/@:]*:[^/\n]*@")
_WORD = re.compile(r"\S+")
_USER_WITHOUT_SCHEME = re.compile(r"(?<![^\s\"'=(])[^\s:/@\"'=(]+:(?!//)\S+@(?=[\w\[])")
_PARAMETER = re.compile(
    r"(?i)([?&;][\w.-]{0,60}(?:password|passwd|pwd|secret|token|credential|key)[\w.-]{0,60}=)[^&;\s\"'#]+"
)


def masked(text: str, mask: str = MASK) -> str:
    """The text fit to be shown: what could be a user's name and password in an address is replaced by `mask`.

    `scheme://user:password@host`, `user:password@host` and `?password=…` are told by their form, so that an address
    that is broken, and that no parser takes apart, is masked too.
    """
    text = _USER_WITH_BLANKS.sub(f"{mask}@", text)
    text = _WORD.sub(lambda word: _without_user(word[0], mask), text)
    text = _USER_WITHOUT_SCHEME.sub(f"{mask}@", text)
    return _PARAMETER.sub(rf"\g<1>{mask}", text)


def _without_user(word: str, mask: str) -> str:
    scheme, slashes, rest = word.partition("://")
    return f"{scheme}{slashes}{mask}{rest[rest.rindex('@') :]}" if "@" in rest else word


class GaelpError(Exception):
    """An error of ours; its message is one sentence that a user can read, and it holds no secret."""

    permanent: bool = False
    """No retry can mend it. A class says so for all its errors, or an instance for itself."""
    exit_code: int = FAILED
    """What a command that it ends returns to the shell."""

    def __str__(self) -> str:
        return masked(super().__str__())

    def detail(self) -> dict[str, object]:
        """What `--json` shows beside the message and the exit code; JSON values by name."""
        return {}
