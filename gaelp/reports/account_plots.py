"""The pictures of an account's page. Touch this to draw them otherwise.

Colours are those of gaelp/reports/plots.py; nothing is said by colour alone. Words and axes are drawn in the page's own
colour, light or dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gaelp.domain.billing.lawful_bills import MonthDay
from gaelp.domain.exports.conversion_ages import ConversionTriangle
from gaelp.evidence.certification.live_trials import ALL_CRITERIA, LivePower
from gaelp.evidence.exports.conversion_lag import ConversionLag
from gaelp.money import MICROS_PER_UNIT
from gaelp.reports.account_page import INK
from gaelp.reports.plots import BLUE, GREY, ORANGE, VERMILLION

_CURVES = ((BLUE, "-"), (ORANGE, "--"), (VERMILLION, "-."))
_SHADES = LinearSegmentedColormap.from_list("shades", [(0.0, 0.45, 0.7, 0.08), (0.0, 0.45, 0.7, 1.0)])


def worst_case(course: Sequence[MonthDay], today: date, cap_left: int | None, currency: str) -> Figure:
    """The month's bill summed up by day: what it was, and what it may be; `cap_left` is what a cap leaves to it."""
    figure, axes = _blank()
    days = [each.day.day for each in course]
    lines = (
        ("budgets edited every day", VERMILLION, "--", [each.edited_micros for each in course]),
        ("at the worst, unedited", ORANGE, "-", [each.unedited_micros for each in course]),
        ("a budget a day", BLUE, "-.", [each.expected_micros for each in course]),
    )
    for name, colour, style, amounts in lines:
        axes.plot(days, [each / MICROS_PER_UNIT for each in amounts], style, color=colour, label=name)
    if cap_left is not None:
        axes.axhline(cap_left / MICROS_PER_UNIT, color=INK, lw=1, ls=":", label="left of the cap")
    axes.axvline(today.day, color=GREY, lw=0.8)
    axes.annotate("today", (today.day, 0), (3, 3), textcoords="offset points", fontsize=8, color=INK)
    axes.set(xlabel=f"day of {today:%B %Y}", ylabel=f"billed so far, {currency}", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes)
    return figure


def ages_of_conversions(triangle: ConversionTriangle, lag: ConversionLag) -> Figure:
    """Conversions by click day and age, the darker the more; what was not watched yet is left blank."""
    figure, axes = _blank()
    days, ages = sorted(triangle.watched), len(lag.shares)
    counts = np.full((len(days), ages), np.nan)
    for row, day in enumerate(days):
        counts[row, : triangle.watched[day] + 1] = 0.0
    number = {day: row for row, day in enumerate(days)}
    for cell in triangle.cells:
        width = cell.last_age + 1 - cell.first_age
        counts[number[cell.day], cell.first_age : cell.last_age + 1] += cell.conversions / width
    shown = axes.imshow(counts, aspect="auto", cmap=_SHADES, vmin=0, interpolation="nearest")
    bar = figure.colorbar(shown, ax=axes, pad=0.01)
    bar.set_label("conversions", color=INK)
    bar.ax.tick_params(colors=INK)
    for name, age, style in (("median", lag.median, "-"), ("90 %", lag.late, "--")):
        axes.axvline(age.value, color=VERMILLION, lw=1.2, ls=style, label=name)
    ticks = range(0, len(days), max(1, len(days) // 8))
    axes.set_yticks(list(ticks), [f"{days[at]:%d %b}" for at in ticks])
    axes.set(xlabel="age in days after the click", ylabel="click day")
    _legend(axes)
    return figure


def detectable(curves: Mapping[str, Sequence[LivePower]], target: float) -> Figure:
    """The chance that a live test finds each effect, by its calendar days; the smallest of each length first."""
    figure, axes = _blank()
    for (name, tests), (colour, style) in zip(curves.items(), _CURVES, strict=False):
        ordered = sorted(tests, key=lambda each: each.calendar_days)
        best = accumulate((each.shares[ALL_CRITERIA] for each in ordered), max)
        axes.plot([each.calendar_days for each in ordered], [100 * share for share in best], style, marker="o", ms=4,
                  color=colour, label=name)  # fmt: skip
    axes.axhline(100 * target, color=GREY, lw=0.8, ls=":")
    axes.set(xlabel="calendar days, with maturing", ylabel="passes, %", ylim=(-3, 103))
    _legend(axes)
    return figure


def _blank() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK)
    axes.tick_params(colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    return figure, axes


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8, labelcolor=INK)
