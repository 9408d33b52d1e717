"""Loads agents by name from the entry points of all installed packages. Touch this to change how a package offers one.

The agents that ship are in gaelp/agents/policies; the check of what an agent decides is in decision_checks.py.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from gaelp.agents.contract import HEADS, Agent
from gaelp.errors import WRONG_USE, GaelpError

GROUP = "gaelp.agents"
OWN = ("gaelp.agents.policies.", "gaelp.agents.remote.")  # modules of ours
# Agents of ours that hand a state, which anybody may have made, to a parser that is not ours, or that ask elsewhere.
NEVER_BESIDE_CREDENTIALS = ("gaelp.agents.policies.vowpal:", "gaelp.agents.remote.")
_PLAIN = (str, int, float, bool, tuple, type(None))  # what an agent may be set to, and what can be compared
VERBS = ("initial_state", "initial_memory", "act", "learn", "heads", "name")


class UnknownAgent(GaelpError, LookupError):
    """No installed package offers an agent of that name, or it could not be loaded."""

    permanent = True
    exit_code = WRONG_USE


def available() -> list[str]:
    """Names of all installed agents, sorted."""
    return sorted(_entries())


def load_agent(name: str) -> Agent:
    """A fresh agent of that name. Raises UnknownAgent with a suggestion."""
    entries = _entries()
    if name not in entries:
        close = get_close_matches(name, entries, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(entries)) or 'none'}"
        raise UnknownAgent(f"no agent {name!r} in the entry-point group {GROUP}: {hint}")
    return _made(entries[name])


def load_own(name: str) -> Agent | None:
    """The agent of that name that ships with this package, so that nobody else's code runs; None where it has none."""
    entry = _entries().get(name)
    return _made(entry) if entry is not None and entry.value.startswith(OWN) else None


def load_harmless(name: str) -> Agent:
    """The agent of that name where it may decide beside credentials; raises UnknownAgent where it may not.

    It ships with this package, its state is numbers that numpy reads, and it asks nobody.
    """
    if not is_harmless(name):
        raise UnknownAgent(f"agent {name!r} must not run in a process that holds credentials")
    return load_agent(name)


def is_harmless(name: str) -> bool:
    """Whether the agent of that name may decide beside credentials."""
    value = _entries()[name].value if name in _entries() else ""
    return value.startswith(OWN) and not value.startswith(NEVER_BESIDE_CREDENTIALS)


def name_of(agent: object) -> str:
    """The name under which workers make an agent like this object. Raises UnknownAgent where they would make another.

    Its class must be one that an entry point offers, and what it was set to must be what that class sets by itself.
    """
    kind = type(agent)
    place, name = f"{kind.__module__}:{kind.__qualname__}", getattr(agent, "name", None)
    entry = _entries().get(name) if isinstance(name, str) else None
    if entry is None or entry.value != place:
        raise UnknownAgent(
            f"no entry point in the group {GROUP} offers the class {place} as {name!r}: workers load an agent by that "
            "name, and `starter.py new-agent` writes a package with one"
        )
    made, given = vars(_made(entry)), vars(agent)
    changed = [each for each in given if isinstance(given[each], _PLAIN) and made.get(each) != given[each]]
    if changed:
        raise UnknownAgent(
            f"this {place} has {', '.join(sorted(changed))} other than {kind.__name__}() has, and workers make it "
            "anew: give what differs a class and an entry point of its own"
        )
    return entry.name


def _made(entry: EntryPoint) -> Agent:
    name = entry.name
    about = f"agent {name!r} ({entry.value})"
    try:
        made = entry.load()()
        wrong = _wrong(made, name)
    except ModuleNotFoundError as error:
        hint = "a worker sees what was installed before it began: if this was not, start it again"
        raise UnknownAgent(f"{about} cannot be loaded: ModuleNotFoundError: {error} ({hint})") from error
    except Exception as error:  # a foreign package may raise anything
        raise UnknownAgent(f"{about} cannot be loaded: {type(error).__name__}: {error}") from error
    if wrong:
        raise UnknownAgent(f"{about} {wrong}")
    agent: Agent = made
    return agent


def _entries() -> dict[str, EntryPoint]:
    return _entries_on(tuple(sys.path))


@cache  # reading every package's metadata takes milliseconds; a worker sees what was installed before it began
def _entries_on(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """By name; no other package can take the name of one of ours."""
    ours_last = sorted(entry_points(group=GROUP), key=lambda entry: entry.value.startswith(OWN))
    return {entry.name: entry for entry in ours_last}


def _wrong(made: object, name: str) -> str:
    """What of the contract an object does not keep; empty where nothing is missing."""
    missing = [verb for verb in VERBS if not hasattr(made, verb)]
    if missing:
        return f"lacks {', '.join(missing)}: see agents/contract.py"
    name_given, heads = getattr(made, "name", None), getattr(made, "heads", None)
    if not isinstance(heads, list | tuple) or not heads or not all(head in HEADS for head in heads):
        return f"declares the heads {heads!r}: give a tuple of some of {', '.join(HEADS)}"
    return "" if name_given == name else f"calls itself {name_given!r}: its `name` must be that of its entry point"
