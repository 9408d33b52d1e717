"""Days on which no conversion came although many should have: a tag that fell silent.

Touch this when silence is told in another way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8
from gaelp.domain.exports.findings import Figure, Finding, FindingKind, FindingPlace, counted, level
from gaelp.evidence.exports.account_table import AccountTable
from gaelp.evidence.exports.noisy_counts import silence_chance
from gaelp.money import MICROS_PER_UNIT

SHORTEST = 3  # days: two may be a weekend
NEWEST = 3  # days before the last one that are too young to be silent
YOUNG_SHARE = 0.2  # of its conversions a day that is not mature has at the least, where it is NEWEST days old or older


@dataclass(frozen=True)
class _Run:
    first: int
    last: int
    expected: float


def silent_tags(table: AccountTable) -> tuple[list[Finding], B1]:
    """The findings, and which campaign was silent on which day, bool[C, D].

    A run of days without a conversion is silence where its chance, times the days on which a run could begin, is below
    the level. A run of all campaigns is told once, and not again for each of them.
    """
    silent = np.zeros(table.clicks.shape, bool)
    series = list(table.series())
    runs: list[tuple[str, list[int], _Run]] = []
    for campaign, rows in series:
        runs.extend((campaign, rows, run) for run in _runs(table, rows) if _is_silence(table, rows, run, len(series)))
    found = []
    for campaign, rows, run in sorted(runs, key=lambda each: -len(each[1])):
        if not silent[rows, run.first : run.last + 1].all():
            silent[rows, run.first : run.last + 1] = True
            found.append(_finding(table, campaign, rows, run))
    return found, silent


def _runs(table: AccountTable, rows: list[int]) -> list[_Run]:
    """The stretches of at least SHORTEST days with clicks and without a conversion, and what they should have had."""
    conversions, clicks = table.conversions[rows].sum(0), table.clicks[rows].sum(0) * table.weights
    seen, exposure = conversions[table.mature].sum(), clicks[table.mature].sum()
    old = np.arange(table.days) < table.days - NEWEST
    active = np.flatnonzero((clicks > 0) & old)
    if not exposure or not len(active):
        return []
    expected: F8 = clicks * seen / exposure * np.where(table.mature, 1.0, YOUNG_SHARE)
    quiet = conversions[active] == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(int), [0]))))
    return [
        _Run(int(active[start]), int(active[end - 1]), float(expected[active[start:end]].sum()))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= SHORTEST
    ]


def _is_silence(table: AccountTable, rows: list[int], run: _Run, tests: int) -> bool:
    return silence_chance(run.expected, table.noise(rows)) * table.days < level(tests)


def _finding(table: AccountTable, campaign: str, rows: list[int], run: _Run) -> Finding:
    cost = float(table.cost[rows, run.first : run.last + 1].sum())
    clicks = table.clicks[rows, run.first : run.last + 1].sum()
    tail = level(len(list(table.series())))
    most = -np.log(tail) * table.noise(rows).phi
    return Finding(
        kind=FindingKind.SILENT,
        place=FindingPlace(campaign),
        figure=Figure("conversions on these days", 0.0, 0.0, float(most)),
        reason=f"no conversion from {table.day(run.first)} to {table.day(run.last)}, on {clicks:,.0f} clicks where "
        f"about {counted(run.expected)} were to be expected",
        stake_micros=round(cost * MICROS_PER_UNIT),
        look_at="whether the tag was on the page on these days; bids that learn from conversions have learned from "
        "none, so exclude the days in the platform's data exclusions",
    )
