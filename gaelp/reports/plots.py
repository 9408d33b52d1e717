"""The plots of a report.

Colours are Okabe and Ito's, which colour-blind readers tell apart; nothing is said by colour alone.

Touch this to draw something else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.messages.log_replay import GapEvidence
from gaelp.money import bare_money, micros
from gaelp.reports.journal_money import SpendDay, signed_daily
from gaelp.reports.report_facts import Batch, Facts, Span

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#6B7280"
VERDICT_STYLE = {
    "PASS": (BLUE, ""),
    "FAIL": (VERMILLION, "xx"),
    "INCONCLUSIVE": (ORANGE, "//"),
    "INVALID": (PURPLE, ".."),
    "": (GREY, ""),
}


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    # No creation date: the same facts give the same bytes.
    figure.savefig(buffer, format="png", dpi=130, bbox_inches="tight", metadata={"Software": "gaelp"})
    return buffer.getvalue()


def _figure(height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, height))
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    return figure, axes


def learning_curve(facts: Facts) -> Figure | None:
    """Reward of each training batch, the mean of each round, and the exam; None where nothing was trained."""
    training = [batch for batch in facts.batches if not batch.exam]
    exam = [batch for batch in facts.batches if batch.exam]
    if not facts.batches:
        return None
    figure, axes = _figure(3.4)
    width = facts.config.simulation.batches_per_round if facts.config else 1
    axes.plot([b.number + 1 for b in training], [b.reward for b in training], "o", color=GREY, ms=4, label="batch")
    rounds = [list(group) for _, group in groupby(training, lambda batch: batch.number // width)]
    middles = [sum(b.number + 1 for b in group) / len(group) for group in rounds]
    axes.plot(middles, [_mean(group) for group in rounds], "-s", color=BLUE, ms=5, label="mean of a learning round")
    offset = max((b.number + 1 for b in training), default=0) + 1
    places = [offset + b.number + 1 for b in exam]
    axes.plot(places, [b.reward for b in exam], "D", color=GREEN, ms=6, label="exam, policy frozen")
    if exam and training:
        axes.axvline(offset, color=GREY, lw=0.8, ls=":")
    if facts.config:
        threshold = facts.config.simulation.average_reward
        axes.axhline(threshold, color=VERMILLION, ls="--", lw=1.2, label=f"threshold {threshold:g}")
    axes.set(xlabel="batch, in order", ylabel="reward: 0 nothing, 1 optimum", ylim=(-0.02, 1.05))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_above(axes)
    return figure


def _legend_above(axes: Any) -> None:
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)


def _mean(batches: list[Batch]) -> float:
    return sum(b.reward * b.episodes for b in batches) / sum(b.episodes for b in batches)


LOSSES = {
    "estimation": ("wrong creatives", BLUE, ""),
    "allocation": ("wrong segments or days", GREEN, "//"),
    "over_bidding": ("bids too high", VERMILLION, "xx"),
    "under_bidding": ("bids too low", ORANGE, ".."),
}


def regret(facts: Facts) -> Figure | None:
    """Where the attainable profit was lost, per learning round and in the exam; None where that is not known.

    A part may be negative by chance and is drawn as nothing then.
    """
    width = facts.config.simulation.batches_per_round if facts.config else 1
    known = [batch for batch in facts.batches if batch.lost]
    training = [batch for batch in known if not batch.exam]
    rounds = [(f"{number + 1}", list(group)) for number, group in groupby(training, lambda b: b.number // width)]
    exam = [batch for batch in known if batch.exam]
    columns = [*rounds, *([("exam", exam)] if exam else [])]
    if not columns:
        return None
    figure, axes = _figure(3.0)
    bottom = [0.0] * len(columns)
    for name, (label, colour, hatch) in LOSSES.items():
        heights = [max(sum(b.lost[name] for b in group) / len(group), 0.0) for _, group in columns]
        places = range(len(columns))
        axes.bar(places, heights, bottom=bottom, color=colour, hatch=hatch, edgecolor="white", label=label, width=0.6)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.set_xticks(range(len(columns)), [label for label, _ in columns])
    axes.set(xlabel="learning round", ylabel="lost, share of the optimum")
    _legend_above(axes)
    return figure


def timeline(spans: list[Span]) -> Figure | None:
    """Each phase on the wall clock, with its verdict; None where no phase was begun."""
    if not spans:
        return None
    figure, axes = _figure(0.9 + 0.45 * len(spans))
    axes.grid(axis="y", visible=False)
    zero = spans[0].start
    for row, span in enumerate(spans):
        colour, hatch = VERDICT_STYLE.get(span.verdict, VERDICT_STYLE[""])
        left = (span.start - zero).total_seconds()
        axes.barh(row, max(span.seconds, 0.01), left=left, color=colour, hatch=hatch, edgecolor="white", height=0.6)
        label = f"  {span.seconds:.1f} s, {span.verdict or 'ended before its gate'}"
        axes.text(left + span.seconds, row, label, va="center", fontsize=8)
    axes.set_yticks(range(len(spans)), [span.phase.value for span in spans])
    axes.invert_yaxis()
    end = (spans[-1].end - zero).total_seconds()
    axes.set(xlabel="seconds since the run began", xlim=(0, max(end, 0.1) * 1.35))
    return figure


def spend(facts: Facts) -> Figure | None:
    """Per phase and account day: billed against the reserved worst case and the cap; None where nothing was."""
    phases = [phase for phase in Phase if any(day.phase == phase for day in facts.spend)]
    if not phases:
        return None
    figure = Figure(figsize=(9, 2.9 * len(phases)))
    for axes, phase in zip(figure.subplots(len(phases), squeeze=False)[:, 0], phases, strict=True):
        cap, signed = daily_cap(phase, facts.config), signed_daily(facts.journal).get(phase, 0)
        binding = (signed, "signed cap") if 0 < signed < cap else (cap, "hard cap")
        _spend_of(axes, [day for day in facts.spend if day.phase == phase], binding, facts.currency)
        axes.set_title(phase.value, loc="right")
    figure.tight_layout()
    return figure


def _spend_of(axes: Any, days: list[SpendDay], binding: tuple[int, str], currency: str) -> None:
    first = min(day.day for day in days)
    x = [(day.day - first).days + 1 for day in days]
    axes.bar(
        x,
        [d.worst_micros / 1e6 for d in days],
        0.9,
        fc="none",
        ec=GREY,
        hatch="//",
        lw=0.8,
        label="worst case reserved",
    )
    axes.bar(x, [d.billed_micros / 1e6 for d in days], 0.55, color=BLUE, label="billed")
    cap, name = binding
    if cap:
        axes.axhline(
            cap / 1e6,
            color=VERMILLION,
            ls="--",
            lw=1.2,
            label=f"{name} {bare_money(cap, currency)} a day",
        )
    axes.set(xlabel=f"day of the ad account (1 = {first})", ylabel=currency or "units")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, max([cap, *(d.worst_micros for d in days), 1]) / 1e6 * 1.1)
    _legend_above(axes)


def daily_cap(phase: Phase, config: TrainingConfiguration | None) -> int:
    """The hard cap of a spending phase's day in micros: the smallest that binds; 0 where unknown."""
    if config is None:
        return 0
    of_phase = {Phase.LIVE_TEST: config.live_test.daily_cap, Phase.SCALED: config.scaled.daily_cap}
    return micros(min(of_phase[phase], config.limits.daily)) if phase in of_phase else 0


_LEAST, _MOST = 0.05, 20.0  # shares of the logged value that are drawn; what lies beyond stands at the edge


def market_gap(gaps: Sequence[GapEvidence]) -> Figure | None:
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
