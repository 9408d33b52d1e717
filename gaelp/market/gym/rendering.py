"""A campaign so far as a picture: money, wins, bids and creatives over its ticks. Touch this to draw something else.

matplotlib is imported only when something is drawn. Colours are Okabe and Ito's, which colour-blind readers tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gaelp.arrays import U1, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.money import micros

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
GREY = "#6B7280"
NAMED = 5  # creatives that have a colour of their own
UNIT = 1_000_000  # micros
SHOWN = ("impressions", "cost_micros", "bid_micros", "creative_prob")
SIZE, DPI = (10.0, 6.4), 100


def picture(trajectory: Mapping[str, Array], ticks: int, config: TrainingConfiguration) -> U1:
    """The first campaign's `ticks` ticks so far, u8[height, width, 3].

    `trajectory` as Agent.learn reads it: impressions and cost_micros i8[T, C, S, K], bid_micros i8[T, C, S],
    creative_prob f8[T, C, S, K].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    money, wins, bids, creatives = figure.subplots(2, 2, sharex=True).ravel()
    series = {name: np.asarray(trajectory[name])[:ticks, 0] for name in SHOWN}
    days = np.arange(1, ticks + 1) * config.clock.tick_hours / 24
    _money(money, days, series["cost_micros"], config)
    _lines(wins, days, series["impressions"].sum(axis=2), "impressions per tick")
    _lines(bids, days, series["bid_micros"] / UNIT, f"bid, {config.currency} per thousand impressions")
    _creatives(creatives, days, series["impressions"], series["creative_prob"])
    for axes in (bids, creatives):
        axes.set_xlabel("days")
    for axes in (money, wins, bids, creatives):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(0, config.simulation.days)
    figure.subplots_adjust(0.06, 0.07, 0.98, 0.95, 0.14, 0.16)  # a layout that is measured would take twice the time
    canvas.draw()
    return np.array(canvas.buffer_rgba(), np.uint8)[..., :3]


def _money(axes: Any, days: Array, cost: Array, config: TrainingConfiguration) -> None:
    """Money spent, beside the budget that had been given out by then."""
    budget = micros(config.simulation.daily_budget) / UNIT
    given = np.arange(config.simulation.days + 1)
    axes.step(given, budget * np.minimum(given + 1, config.simulation.days), where="post", color=GREY, label="budget")
    axes.plot(days, np.cumsum(cost.sum(axis=(1, 2))) / UNIT, color=COLOURS[0], label="spend")
    axes.set_title(f"spend and budget, {config.currency}", fontsize=9, loc="left")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)


def _lines(axes: Any, days: Array, values: Array, title: str) -> None:
    """One line per segment: values [T, S]."""
    for segment in range(values.shape[1]):
        axes.plot(days, values[:, segment], color=COLOURS[segment % len(COLOURS)], lw=1, label=f"segment {segment}")
    axes.set_title(title, fontsize=9, loc="left")
    axes.set_ylim(bottom=0)
    if values.shape[1] <= len(COLOURS):
        axes.legend(frameon=False, fontsize=7, ncols=2)


def _creatives(axes: Any, days: Array, impressions: Array, share: Array) -> None:
    """Shares of the creatives that were given most, over all segments weighted by what was won there."""
    won = impressions.sum(axis=2, keepdims=True) + 1e-9
    shares = (share * won).sum(axis=1) / won.sum(axis=1)
    most = np.argsort(-shares.sum(axis=0))[:NAMED]
    rest = np.maximum(1.0 - shares[:, most].sum(axis=1), 0.0)
    bands, names = np.column_stack([shares[:, most], rest]).T, [*(f"creative {k}" for k in most), "others"]
    axes.stackplot(days, bands, colors=[*COLOURS[: len(most)], "#D1D5DB"], labels=names)
    axes.set_title("share of each creative", fontsize=9, loc="left")
    axes.set_ylim(0, 1)
    axes.legend(facecolor="white", framealpha=0.9, edgecolor="none", fontsize=7, ncols=3, loc="lower left")
