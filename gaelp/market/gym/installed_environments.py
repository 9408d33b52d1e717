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
class Offer:
    """What one entry point offers; `error` says in one sentence why it is nothing."""

    entry: str
    environments: tuple[EnvironmentInfo, ...] = ()
    error: str = ""


def offers() -> tuple[Offer, ...]:
    """The offers of all installed packages by name of their entry points; each registers its ids once."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return tuple(_offer(entry.name, entry.value) for entry in entries)


def available() -> tuple[EnvironmentInfo, ...]:
    """All environments that could be registered, sorted by id."""
    found = {info.id: info for offer in offers() for info in offer.environments}
    return tuple(found[name] for name in sorted(found))


def load(environment: str) -> EnvironmentInfo:
    """What its package says of that id, which Gymnasium can make from now on. Raises UnknownEnvironment with a hint."""
    found = {info.id: info for info in available()}
    if environment in found:
        return found[environment]
    close = get_close_matches(environment, found, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(found)) or 'none'}"
    broken = "".join(f"; {offer.error}" for offer in offers() if offer.error)
    raise UnknownEnvironment(f"no environment {environment!r} in the entry-point group {GROUP}: {hint}{broken}")


@cache
def _offer(name: str, value: str) -> Offer:
    try:
        told = EntryPoint(name, value, GROUP).load()()
    except Exception as error:
        return Offer(name, error=f"environments {name!r} ({value}) cannot be loaded: {type(error).__name__}: {error}")
    if not isinstance(told, tuple) or not all(isinstance(info, EnvironmentInfo) for info in told):
        return Offer(name, error=f"environments {name!r} ({value}) must return a tuple of EnvironmentInfo")
    absent = [info.id for info in told if info.id not in gymnasium.registry]
    if absent:
        return Offer(name, error=f"environments {name!r} ({value}) did not register {', '.join(absent)} with Gymnasium")
    return Offer(name, told)
