"""Figures of how often the simulation's gate passes which agent. Touch this to draw them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gaelp.evidence.certification.gate_certification import Certified
from gaelp.evidence.certification.live_trials import ALL_CRITERIA, CRITERION_8, LivePower
from gaelp.reports.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION

STYLES = ((BLUE, "-"), (ORANGE, "--"))
CURVES = (("1", GREY, ":"), ("2", ORANGE, "--"), ("3", GREEN, "-."), ("4", VERMILLION, ":"), ("1 to 4", BLUE, "-"))


def certified_shares(found: Sequence[Certified], rates: Sequence[tuple[float, float, float]]) -> Figure:
    """On the left the naive rule beside criterion 2 by true success rate; on the right what became of each agent."""
    figure = Figure(figsize=(13, 0.9 + 0.3 * max(len(found), 12)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    _by_rate(left, rates)
    _by_agent(right, found)
    return figure


def _by_rate(axes: Axes, rates: Sequence[tuple[float, float, float]]) -> None:
    true = [100 * rate for rate, _, _ in rates]
    axes.plot(true, [100 * naive for _, naive, _ in rates], "--", color=VERMILLION, label="80 % over the last 50")
    axes.plot(true, [100 * ours for _, _, ours in rates], "-", color=BLUE, label="this gate, criterion 2")
    axes.axvline(80, color=GREY, lw=0.8, ls=":")
    axes.set(xlabel="true success rate, %", ylabel="graduates within the exam, %", ylim=(-3, 103))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def _by_agent(axes: Axes, found: Sequence[Certified]) -> None:
    for row, each in enumerate(found):
        low, high = each.bounds
        colour = GREEN if each.limit is None else BLUE
        axes.plot([100 * low, 100 * high], [row, row], color=colour, lw=2)
        axes.plot([100 * each.share], [row], "o" if each.limit is None else "s", color=colour)
        if each.naive is not None:
            axes.plot([100 * each.naive], [row], "x", color=VERMILLION)
    for style, limit in zip(("--", ":"), sorted({e.limit for e in found if e.limit is not None}), strict=False):
        axes.axvline(100 * limit, color=GREY, ls=style, lw=1.2, label=f"level {limit:.4f}")
    axes.plot([], [], "x", color=VERMILLION, ls="", label="80 % over the last 50")
    axes.legend(frameon=False, fontsize=8, loc="center right")
    labels = [f"{each.agent} ({'runs' if each.runs else f'criteria {each.criterion}'})" for each in found]
    axes.set_yticks(range(len(found)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="passed, % (bounds at 95 %, one-sided)", xlim=(0, 105))
    axes.spines[["top", "right"]].set_visible(False)


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


def live_power(found: Sequence[LivePower], target: float) -> Figure:
    """The chance that a live test of each length and number of campaigns passes, by its calendar days."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for days, (colour, style) in zip(sorted({each.days for each in found}), STYLES, strict=False):
        mine = [each for each in found if each.days == days]
        for number, (name, marker) in enumerate((("criterion 8", "o"), ("8 to 10", "s"))):
            shares = [100 * each.shares[(CRITERION_8, ALL_CRITERIA)[number]] for each in mine]
            axes.plot([each.calendar_days for each in mine], shares, style, marker=marker, ms=4 + 3 * number,
                      mfc="none" if number else colour, color=colour, label=f"{days} days each: {name}")  # fmt: skip
    axes.axhline(100 * target, color=GREY, lw=0.8, ls=":")
    axes.set(xlabel="calendar days, with maturing", ylabel="passes, %", ylim=(-3, 103))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure
