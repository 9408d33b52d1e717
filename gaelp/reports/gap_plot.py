"""The plot of the gap between a run's market and its logs. Touch this to draw it otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gaelp.messages.log_replay import GapEvidence
from gaelp.reports.plots import BLUE, GREY, ORANGE

_LEAST, _MOST = 0.05, 20.0  # shares of the logged value that are drawn; what lies beyond stands at the edge


def gap_plot(gaps: Sequence[GapEvidence]) -> Figure | None:
    """Simulated over logged, on a logarithmic axis, with the interval of the logged value; None without a gap."""
    if not gaps:
        return None
    figure = Figure(figsize=(9, 1.2 + 0.36 * len(gaps)))
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(1.0, color=GREY, lw=0.8)
    places = range(len(gaps))
    for place, each in zip(places, gaps, strict=True):
        axes.plot([_drawn(each.low / each.logged), _drawn(each.high / each.logged)], [place, place], color=GREY, lw=6,
                  alpha=0.35, solid_capstyle="butt", label="" if place else "logged, 90 % interval")  # fmt: skip
    for value, colour, mark, label in (("assumed", ORANGE, "x", "market without a log"),
                                       ("simulated", BLUE, "o", "the run's market")):  # fmt: skip
        ratios = [_drawn(getattr(each, value) / each.logged) for each in gaps]
        axes.plot(ratios, places, mark, color=colour, label=label, ms=6, ls="none")
    axes.set_yticks(places, [f"{each.log}: {each.quantity}" for each in gaps], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("simulated over logged")
    ends = [
        _drawn(value / each.logged) for each in gaps for value in (each.low, each.high, each.simulated, each.assumed)
    ]
    axes.set_xlim(min(0.5, *ends) / 1.1, max(2.0, *ends) * 1.1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.25), ncols=3)
    return figure


def _drawn(ratio: float) -> float:
    return min(max(ratio, _LEAST), _MOST)
