"""Figures of how often the simulation's gate passes which agent. Touch this to draw them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from gaelp.evidence.gate_certification import Certified
from gaelp.reports.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION

CURVES = (("1", GREY, ":"), ("2", ORANGE, "--"), ("3", GREEN, "-."), ("4", VERMILLION, ":"), ("1 to 4", BLUE, "-"))


def certified_shares(found: Sequence[Certified]) -> Figure:
    """The share of trials that passed, with its bounds, for each agent; the level of the bad ones as a line."""
    figure = Figure(figsize=(9, 0.9 + 0.36 * len(found)), layout="constrained")
    axes = figure.subplots()
    for row, each in enumerate(found):
        low, high = each.bounds
        colour = GREEN if each.limit is None else BLUE
        axes.plot([100 * low, 100 * high], [row, row], color=colour, lw=2)
        axes.plot([100 * each.share], [row], "o" if each.limit is None else "s", color=colour)
    for limit in {each.limit for each in found if each.limit is not None}:
        axes.axvline(100 * limit, color=VERMILLION, ls="--", lw=1.2, label=f"level {limit:.4f}")
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    axes.set_yticks(range(len(found)), [f"{each.agent} (criteria {each.criterion})" for each in found], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="passed, % of trials (bounds at 95 %, one-sided)", xlim=(0, 105))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def exam_power(episodes: Sequence[int], powers: Sequence[Sequence[float]], target: float) -> Figure:
    """The chance that an exam of each size passes criteria 1 to 4 each, and all of them together."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, colour, style) in enumerate(CURVES):
        shares = [100 * power[number] for power in powers]
        axes.plot(episodes, shares, style, marker="o", ms=4, color=colour, label=name)
    axes.axhline(100 * target, color=GREY, lw=0.8, ls=":")
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(episodes), [f"{n:,}" for n in episodes])
    axes.set(xlabel="episodes of the looks, at the most", ylabel="passes, %", ylim=(-3, 103))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, title="criteria")
    return figure
