"""A change of the average that is the mix's: the average goes one way and the rates that it averages the other.

Simpson's paradox between two halves of the mature days. Touch this to compare other stretches.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.stats import t

from gaelp.arrays import B1, F8
from gaelp.domain.exports.findings import Figure, Finding, FindingKind, FindingPlace, level
from gaelp.evidence.exports.account_table import AccountTable, finest_part
from gaelp.evidence.exports.noisy_counts import Noise, RateRatio, rate_ratio
from gaelp.money import MICROS_PER_UNIT

FEWEST_WEEKS = 2  # of each half; halves are whole weeks, so that weekdays weigh alike


@dataclass(frozen=True)
class _Halves:
    """Conversions and clicks of the parts in both halves, f8[2, P], and the days on which these lie."""

    conversions: F8
    clicks: F8
    cost: float  # of the later half
    begins: date
    turns: date
    ends: date


def mix_shifts(table: AccountTable, silent: B1) -> list[Finding]:
    """The findings: by campaign, and by the finest part where there is one.

    Both ratios, that of the averages and that at an unchanged mix, must lie beyond 1 by their intervals, and on other
    sides.
    """
    column = finest_part(table.export)
    tests = 2 if column else 1
    found = []
    for by in ("", column)[:tests]:
        halves = _halves(table, silent, by)
        if halves and (finding := _finding(table, halves, silent, by, level(tests) / 2)):
            found.append(finding)
    return found[:1]  # both tell of one change


def _halves(table: AccountTable, silent: B1, column: str) -> _Halves | None:
    weeks = int(table.mature.sum()) // 14
    if weeks < FEWEST_WEEKS:
        return None
    end = int(table.mature.sum())
    turn, begin = end - 7 * weeks, end - 14 * weeks
    sums: Mapping[tuple[str, str], F8] = defaultdict(lambda: np.zeros((2, 2)))
    cost = 0.0
    for row in table.mature_rows(silent):
        day = (row.day - table.first).days
        if begin <= day:
            half = int(day >= turn)
            sums[row.campaign, getattr(row, column) or "" if column else ""][half] += (
                float(row.conversions or 0),
                row.clicks,
            )
            cost += half * (row.cost_micros or 0) / MICROS_PER_UNIT
    both = [each for each in sums.values() if (each[:, 1] > 0).all()]
    if len(both) < 2:
        return None
    stacked = np.array(both)  # [P, 2 halves, conversions and clicks]
    first = table.first + timedelta(days=begin)
    return _Halves(stacked[:, :, 0].T, stacked[:, :, 1].T, cost, first, table.day(turn), table.day(end - 1))


def _finding(table: AccountTable, halves: _Halves, silent: B1, column: str, tail: float) -> Finding | None:
    noise = table.noise(list(range(len(table.campaigns))), silent)
    totals = [(float(halves.conversions[half].sum()), float(halves.clicks[half].sum())) for half in (0, 1)]
    average, within = rate_ratio(totals[1], totals[0], noise, tail), _at_unchanged_mix(halves, noise, tail)
    if average is None or within is None:
        return None
    if not (average.low > 1 and within.high < 1) and not (average.high < 1 and within.low > 1):
        return None
    usual = totals[1][0] / within.ratio  # conversions of the later half at the earlier rates
    parts = f"{column.replace('_', ' ')}s" if column else "campaigns"
    return Finding(
        kind=FindingKind.MIXED,
        place=FindingPlace(),
        figure=Figure(f"conversions per click at an unchanged mix of {parts}, {halves.turns} to {halves.ends} by "
                      f"{halves.begins} to {halves.turns - timedelta(days=1)}", within.ratio, within.low, within.high),
        reason=f"all in all conversions per click went to {average.ratio:.2f} of what they were, and within the "
        f"{parts} to {within.ratio:.2f}: the average only moved because the mix did",
        stake_micros=round(abs(totals[1][0] - usual) / totals[1][0] * halves.cost * MICROS_PER_UNIT),
        look_at=f"each of the {parts} by itself, and not the average over them",
    )  # fmt: skip


def _at_unchanged_mix(halves: _Halves, noise: Noise, tail: float) -> RateRatio | None:
    """The later rates by the earlier ones, both averaged over the clicks of both halves (direct standardisation)."""
    weights = halves.clicks.sum(0) / halves.clicks.sum()
    means = [float((weights * halves.conversions[half] / halves.clicks[half]).sum()) for half in (0, 1)]
    if min(means) <= 0:
        return None
    variance = sum(
        noise.phi * float((weights**2 * halves.conversions[half] / halves.clicks[half] ** 2).sum()) / means[half] ** 2
        for half in (0, 1)
    )
    log, reach = math.log(means[1] / means[0]), float(t.isf(tail, noise.degrees)) * math.sqrt(variance)
    return RateRatio(math.exp(log), math.exp(log - reach), math.exp(log + reach))
