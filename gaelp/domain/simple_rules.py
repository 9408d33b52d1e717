"""The simple rules that play an exam beside the agent: a good agent earns more than the best of them.

They are baselines of gaelp/agents/policies. The bar that shows incumbent, best rule, agent and optimum stands in the
reason of criterion 1 and decides nothing. Touch this to compare with another rule, or to draw the bar otherwise.
"""

from __future__ import annotations

import re

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign
from gaelp.domain.frozen import Frozen

SIMPLE_RULES = ("fixed-bid", "linear-bid", "best-creative", "pid-pacing", "online-lp")
CELLS = 20  # of the bar
_BAR = re.compile(r" ?\[[=+\-.|]*\] incumbent .*?, optimum 1\.")


class RuleMeasure(Frozen):
    """The best of the simple rules on the exam's worlds."""

    name: str
    reward: float  # mean


def played_rules(config: TrainingConfiguration) -> tuple[str, ...]:
    """All of them but the incumbent, which plays anyway; none in a foreign environment, whose steps may be slow."""
    return () if is_foreign(config.environment) else tuple(name for name in SIMPLE_RULES if name != config.incumbent)


def headroom_bar(incumbent: float, agent: float, best_rule: RuleMeasure | None = None) -> str:
    """Mean rewards in [0, 1] on the same worlds: `=` up to the lower of the two, `+` where the agent earns more than
    the incumbent, `-` where it earns less, `.` up to the optimum, and `|` where the best simple rule ends.
    """
    low, high = (_cells(each) for each in sorted((incumbent, agent)))
    between = ("+" if agent >= incumbent else "-") * (high - low)
    bar = f"{'=' * low}{between}{'.' * (CELLS - high)}"
    rule = ""
    if best_rule is not None:
        at = _cells(best_rule.reward)
        bar, rule = f"{bar[:at]}|{bar[at:]}", f"best simple rule {best_rule.reward:.2f} ({best_rule.name}), "
    return f"[{bar}] incumbent {incumbent:.2f}, {rule}agent {agent:.2f}, optimum 1."


def without_bar(reason: str) -> str:
    """A reason without the bar, for pages that have room for one sentence only."""
    return _BAR.sub("", reason)


def _cells(reward: float) -> int:
    return round(CELLS * min(max(reward, 0.0), 1.0))
