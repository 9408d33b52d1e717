"""The agents that only `certify` knows, by name: attempts are counted by name, so that each trial has one of its own.

No package installs an agent of such a name, and the worker that serves them refuses every other one. Touch this when
a whole run is to be certified against another kind of agent.
"""

from __future__ import annotations

import re

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.errors import WRONG_USE, GaelpError
from gaelp.evidence.certification.gate_certification import that_should_not_pass, that_should_pass
from gaelp.evidence.certification.stated_agents import StatedAgent

PREFIX = "certified"
HARVESTER = "organic-harvester"
"""Not stated: `HARVESTING_AGENT` in the real market, where most conversions would have come without an ad."""
HARVESTING_AGENT = "linear-thompson"  # it takes every attributed conversion for its own
_NAME = re.compile(rf"{PREFIX}-([a-z0-9-]+)-t(\d+)\Z")


class NotCertified(GaelpError):
    """An agent that is not one of `certify`, on the worker that serves only those."""

    permanent = True
    exit_code = WRONG_USE


def slug(agent: StatedAgent) -> str:
    """The agent's name as a part of a name."""
    return re.sub(r"[^a-z0-9]+", "-", agent.name.lower()).strip("-")


def trial_name(kind: str, trial: int) -> str:
    """The name of one trial of a kind of agent."""
    return f"{PREFIX}-{kind}-t{trial}"


def kind_of(name: str) -> str:
    """Which kind a trial is of. Raises NotCertified."""
    match = _NAME.match(name)
    if match is None:
        raise NotCertified(f"agent {name!r} is none of `certify`, and this worker serves no other: start a usual one")
    return match[1]


def stated_agent(name: str, config: TrainingConfiguration) -> StatedAgent:
    """The distributions of a trial's agent. Raises NotCertified."""
    kind = kind_of(name)
    stated = {slug(each.agent): each.agent for each in (*that_should_not_pass(config), *that_should_pass())}
    if kind not in stated:
        raise NotCertified(f"`certify` states no agent {kind!r}: it has {', '.join(stated)}")
    return stated[kind]
