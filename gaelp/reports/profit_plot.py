"""The first picture of a report: cumulated profit of candidate and control, or the exam where no money has moved.

Touch this to draw it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from gaelp.domain.spending.campaign_records import Arm
from gaelp.evidence.reported.baseline_comparison import Comparison
from gaelp.evidence.reported.earnings import ProfitDay
from gaelp.reports.plots import BLUE, GREY, PURPLE, VERMILLION

WIDE, NARROW = (9.0, 3.6), (4.4, 4.2)
STYLES = {Arm.CANDIDATE: (BLUE, "-"), Arm.CONTROL: (GREY, "--")}
FAR = 2.0  # times what the curves need: a line that lies farther down is named and not drawn


def profit_curves(
    paths: Mapping[Arm, Sequence[ProfitDay]], limits: Mapping[str, int], title: str, size: tuple[float, float] = WIDE
) -> Figure | None:
    """Profit since the phase's first day; `limits` are losses in micros by name. None where no campaign reported."""
    drawn = {arm: path for arm, path in paths.items() if path}
    if not drawn:
        return None
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    for arm, path in drawn.items():
        _curve(axes, arm, path)
    axes.axhline(0, color=GREY, lw=0.8)
    lowest = min(point.low for path in drawn.values() for point in path) / 1e6
    highest = max(point.high for path in drawn.values() for point in path) / 1e6
    room = max(highest, 0.0) - min(lowest, 0.0) or 1.0
    beyond = []
    for (name, loss), (colour, style) in zip(limits.items(), ((VERMILLION, "--"), (PURPLE, "-.")), strict=False):
        if loss / 1e6 <= FAR * room:
            axes.axhline(-loss / 1e6, color=colour, ls=style, lw=1.3, label=f"{name}, a loss of {loss / 1e6:,.0f}")
        else:
            beyond.append(f"{name}, a loss of {loss / 1e6:,.0f}")
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    first, last = min(path[0].day for path in drawn.values()), max(path[-1].day for path in drawn.values())
    axes.set_xlabel(f"day of the ad account, {first} to {last}")
    axes.set_ylabel(title)
    axes.spines[["top", "right"]].set_visible(False)
    _legend_below(figure, f"below the picture: {'; '.join(beyond)}" if beyond else None)
    return figure


def _legend_below(figure: Figure, title: str | None = None) -> None:
    columns = 1 if figure.get_figwidth() < WIDE[0] else 3
    figure.legend(
        frameon=False,
        fontsize=8,
        loc="outside lower left",
        ncols=columns,
        title=title,
        title_fontsize=8,
        alignment="left",
    )


def _curve(axes: Any, arm: Arm, path: Sequence[ProfitDay]) -> None:
    colour, style = STYLES[arm]
    days = [point.day for point in path]
    axes.plot(days, [point.expected / 1e6 for point in path], style, color=colour, lw=2, label=str(arm))
    if any(point.high > point.low for point in path):
        low, high = ([getattr(point, end) / 1e6 for point in path] for end in ("low", "high"))
        axes.fill_between(days, low, high, color=colour, alpha=0.2, label=f"{arm}, orders still to come")


def beside_baselines(comparison: Comparison, threshold: float | None, size: tuple[float, float] = WIDE) -> Figure:
    """Each policy's value with its interval, the agent first; `threshold` is what the gate asks for."""
    rows = comparison.policies
    figure = Figure(figsize=(size[0], 1.2 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for number, each in enumerate(rows):
        colour = BLUE if each.agents_lead is None else GREY
        low = each.value.value if each.value.low is None else each.value.low
        high = each.value.value if each.value.high is None else each.value.high
        axes.plot([low, high], [number, number], color=colour, lw=5, alpha=0.4, solid_capstyle="butt")
        axes.plot([each.value.value], [number], "o" if each.agents_lead is None else "s", color=colour)
        axes.annotate(
            f"{each.value.value:.3g}", (high, number), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    if threshold is not None:
        axes.axvline(threshold, color=VERMILLION, ls="--", lw=1.2, label=f"asked for {threshold:g}")
        _legend_below(figure)
    axes.set_yticks(range(len(rows)), [each.policy for each in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.25)
    axes.set_xlabel(f"{comparison.unit}, {comparison.n:,} {'episodes' if comparison.place == 'exam' else 'rows'}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
