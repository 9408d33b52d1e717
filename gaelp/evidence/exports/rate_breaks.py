"""A day from which conversions per click are others: a rate that broke, or a tag that fires twice from then on.

Only mature days are compared, so that all clicks have the same chance to have converted. Touch this to look for a
change otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8
from gaelp.domain.exports.findings import Figure, Finding, FindingKind, FindingPlace, counted, level
from gaelp.evidence.exports.account_table import AccountTable
from gaelp.evidence.exports.noisy_counts import Noise, RateRatio, rate_ratio
from gaelp.money import MICROS_PER_UNIT

SIDE = 7  # days with clicks on either side of a change, at the least
LEAST = 20  # conversions on either side of it
SMALLEST = 1.1  # a change is told where its interval lies beyond this factor: smaller ones come with the season
_DOUBLED = (1.6, 2.5)  # ratios at which a tag may fire twice
_PARITY_DAYS = 7


@dataclass(frozen=True)
class _Break:
    day: int  # the first of the new rate
    ratio: RateRatio
    before: tuple[float, float]  # conversions, and how many its clicks should bring by the rate of all days
    after: tuple[float, float]


def rate_breaks(table: AccountTable, silent: B1) -> list[Finding]:
    """The findings; all campaigns together are told only where no single one is."""
    series = list(table.series())
    found: list[Finding] = []
    for campaign, rows in series:
        if campaign or not found:
            change = _change(table, rows, silent, len(series))
            if change:
                found.append(_finding(table, campaign, rows, change))
    return found


def _change(table: AccountTable, rows: list[int], silent: B1, tests: int) -> _Break | None:
    """The most likely day of a change, where one is beyond chance; the level is shared by the days tried."""
    conversions, clicks = table.chosen(rows, silent)
    active = np.flatnonzero(clicks > 0)
    splits = [at for at in range(SIDE, len(active) - SIDE + 1)]
    if not splits:
        return None
    noise, tail = table.noise(rows, silent), level(tests) / len(splits) / 2
    counts, exposures = np.cumsum(conversions[active]), np.cumsum(clicks[active])
    best = max(splits, key=lambda at: _distance(counts, exposures, at, noise))
    before = (float(counts[best - 1]), float(exposures[best - 1]))
    after = (float(counts[-1]) - before[0], float(exposures[-1]) - before[1])
    ratio = rate_ratio(after, before, noise, tail)
    if ratio is None or min(before[0], after[0]) < LEAST or not (ratio.low > SMALLEST or ratio.high < 1 / SMALLEST):
        return None
    return _Break(int(active[best]), ratio, before, after)


def _distance(counts: F8, exposures: F8, at: int, noise: Noise) -> float:
    """How many standard errors the logarithms of the rates before and after are apart."""
    one, other = counts[at - 1], counts[-1] - counts[at - 1]
    if min(one, other) < LEAST:
        return 0.0
    log = math.log(one / exposures[at - 1] / (other / (exposures[-1] - exposures[at - 1])))
    return abs(log) / math.sqrt(noise.phi * (1 / one + 1 / other))


def _finding(table: AccountTable, campaign: str, rows: list[int], change: _Break) -> Finding:
    day, ratio = table.day(change.day), change.ratio
    cost_before = float((table.cost[rows] * table.mature)[:, : change.day].sum())
    each = cost_before / change.before[0]
    usual = change.before[0] / change.before[1] * change.after[1]  # conversions at the rate before
    twice = _fires_twice(table, rows, change)
    kind = FindingKind.TWICE if twice else FindingKind.BROKE
    figure = Figure(f"conversions per click from {day} on, by those before", ratio.ratio, ratio.low, ratio.high)
    rest = f"{counted(change.after[0])} conversions where {counted(usual)} were to be expected at the rate before, "
    rest += "weekdays allowed for" + (", and since then each day's count is even" if twice else "")
    return Finding(
        kind=kind,
        place=FindingPlace(campaign),
        figure=figure,
        reason=f"from {day} on {rest}",
        stake_micros=round(abs(usual - change.after[0]) * each * MICROS_PER_UNIT),
        look_at="whether the conversion tag stands twice on the page, or two tags count as one conversion"
        if twice
        else f"what changed on {day}: page, price, stock, tag, consent banner, or what counts as a conversion",
    )


def _fires_twice(table: AccountTable, rows: list[int], change: _Break) -> bool:
    """Whether all counts are even from the day on, and were not before, at about double the rate."""
    if not _DOUBLED[0] <= change.ratio.ratio <= _DOUBLED[1]:
        return False
    counts = table.conversions[rows].sum(0)[table.mature]
    after, before = counts[change.day :], counts[: change.day]
    some = after[after > 0]
    # The best day of a change may be a day or two from the true one, so a few odd counts at its edge say nothing.
    return len(some) >= _PARITY_DAYS and bool((some[2:] % 2 == 0).all()) and bool((before % 2 != 0).any())
