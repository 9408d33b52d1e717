"""One bar for the incumbent, the best simple rule, the agent and the optimum: 0.7 of an optimum says little by itself.

It stands in the reason of criterion 1, and so in `status`, `start --wait`, the report and the Web UI. It decides
nothing. Touch this to draw it otherwise.
"""

from __future__ import annotations

import re

from gaelp.domain.simple_rules import RuleMeasure

CELLS = 20
_BAR = re.compile(r" ?\[[=+\-.|]*\] incumbent .*?, optimum 1\.")


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
    """A reason without the bar, for pages that draw it or that have room for one sentence only."""
    return _BAR.sub("", reason)


def _cells(reward: float) -> int:
    return round(CELLS * min(max(reward, 0.0), 1.0))
