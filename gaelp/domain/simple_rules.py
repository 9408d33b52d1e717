"""The simple rules that play an exam beside the agent: a good agent earns more than the best of them.

They are baselines of gaelp/agents/policies. Touch this to compare with another rule.
"""

from __future__ import annotations

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign
from gaelp.domain.frozen import Frozen

SIMPLE_RULES = ("fixed-bid", "linear-bid", "best-creative", "pid-pacing", "online-lp")


class RuleMeasure(Frozen):
    """The best of the simple rules on the exam's worlds."""

    name: str
    reward: float  # mean


def played_rules(config: TrainingConfiguration) -> tuple[str, ...]:
    """All of them but the incumbent, which plays anyway; none in a foreign environment, whose steps may be slow."""
    return () if is_foreign(config.environment) else tuple(name for name in SIMPLE_RULES if name != config.incumbent)
