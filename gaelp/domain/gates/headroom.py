"""One bar for the incumbent, the agent and the optimum, because 0.7 of an optimum means little without the headroom.

It stands in the reason of criterion 1, and so in `status`, `start --wait`, the report and the Web UI. It decides
nothing. Touch this to draw it otherwise.
"""

from __future__ import annotations

CELLS = 20


def headroom_bar(incumbent: float, agent: float) -> str:
    """Mean rewards in [0, 1] on the same worlds: `=` up to the lower of the two, `+` where the agent earns more than
    the incumbent, `-` where it earns less, `.` up to the optimum.
    """
    low, high = (round(CELLS * min(max(each, 0.0), 1.0)) for each in sorted((incumbent, agent)))
    between = ("+" if agent >= incumbent else "-") * (high - low)
    bar = f"[{'=' * low}{between}{'.' * (CELLS - high)}]"
    return f"{bar} incumbent {incumbent:.2f}, agent {agent:.2f}, optimum 1."
