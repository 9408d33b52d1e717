"""The pictures of an account's page. Touch this to draw them otherwise.

Colours are those of gaelp/reports/plots.py; nothing is said by colour alone. Words and axes are drawn in the page's own
colour, light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gaelp.domain.billing.lawful_bills import MonthDay
from gaelp.money import MICROS_PER_UNIT
from gaelp.reports.account_page import INK
from gaelp.reports.plots import BLUE, GREY, ORANGE, VERMILLION


def worst_case(course: Sequence[MonthDay], today: date, cap_micros: int | None, currency: str) -> Figure:
    """The month's bill summed up by day: what it was, and what it may be."""
    figure, axes = _blank()
    days = [each.day.day for each in course]
    lines = (
        ("budgets edited every day", VERMILLION, "--", [each.edited_micros for each in course]),
        ("at the worst, unedited", ORANGE, "-", [each.unedited_micros for each in course]),
        ("a budget a day", BLUE, "-.", [each.expected_micros for each in course]),
    )
    for name, colour, style, amounts in lines:
        axes.plot(days, [each / MICROS_PER_UNIT for each in amounts], style, color=colour, label=name)
    if cap_micros is not None:
        axes.axhline(cap_micros / MICROS_PER_UNIT, color=INK, lw=1, ls=":", label="cap")
    axes.axvline(today.day, color=GREY, lw=0.8)
    axes.annotate("today", (today.day, 0), (3, 3), textcoords="offset points", fontsize=8, color=INK)
    axes.set(xlabel=f"day of {today:%B %Y}", ylabel=f"billed so far, {currency}", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
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
