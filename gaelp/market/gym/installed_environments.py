"""Environments by id, of all installed packages. Touch this to change how a package offers its own.

An entry point of the group `gaelp.environments` is a callable without arguments: it registers ids with Gymnasium and
returns a tuple of EnvironmentInfo.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import gymnasium

from gaelp.market.gym.registration import EnvironmentInfo
from gaelp.market.third_party.environment_errors import UnknownEnvironment as UnknownEnvironment

GROUP = "gaelp.environments"


@dataclass(frozen=True)
class EnvironmentEntryPoint:
    """The environments that one entry point registered, or the `error`, in one sentence, where it registered none."""

    entry: str
    environments: tuple[EnvironmentInfo, ...] = ()
    error: str = ""


def environment_entry_points() -> tuple[EnvironmentEntryPoint, ...]:
    """Those of all installed packages, sorted by name; each registers its ids once."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return tuple(_registered(entry.name, entry.value) for entry in entries)


def available() -> tuple[EnvironmentInfo, ...]:
    """All environments that could be registered, sorted by id."""
    known = {info.id: info for point in environment_entry_points() for info in point.environments}
    return tuple(known[name] for name in sorted(known))


def load(environment: str) -> EnvironmentInfo:
    """What its package says of that id, which Gymnasium can make from now on. Raises UnknownEnvironment with a hint."""
    known = {info.id: info for info in available()}
    if environment in known:
        return known[environment]
    close = get_close_matches(environment, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(known)) or 'none'}"
    broken = "".join(f"; {point.error}" for point in environment_entry_points() if point.error)
    raise UnknownEnvironment(f"no environment {environment!r} in the entry-point group {GROUP}: {hint}{broken}")


@cache
def _registered(name: str, value: str) -> EnvironmentEntryPoint:
    try:
        registered = EntryPoint(name, value, GROUP).load()()
    except Exception as error:
        return EnvironmentEntryPoint(
            name, error=f"environments {name!r} ({value}) cannot be loaded: {type(error).__name__}: {error}"
        )
    if not isinstance(registered, tuple) or not all(isinstance(info, EnvironmentInfo) for info in registered):
        return EnvironmentEntryPoint(
            name, error=f"environments {name!r} ({value}) must return a tuple of EnvironmentInfo"
        )
    absent = [info.id for info in registered if info.id not in gymnasium.registry]
    if absent:
        return EnvironmentEntryPoint(
            name, error=f"environments {name!r} ({value}) did not register {', '.join(absent)} with Gymnasium"
        )
    return EnvironmentEntryPoint(name, registered)
