"""Arms of an experiment that were shown otherwise than planned (a sample-ratio mismatch): nothing they show compares.

Touch this to judge a split by something else than impressions.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import f as fisher
from scipy.stats import t

from gaelp.arrays import F8
from gaelp.domain.exports.account_export import CampaignDay
from gaelp.domain.exports.findings import AuditQuestion, Figure, Finding, FindingKind, FindingPlace, level


@dataclass(frozen=True)
class _Experiment:
    """Impressions by arm and day, f8[A, D], of days on which any arm was shown, and the share that each should have."""

    campaign: str
    arms: tuple[str, ...]
    shown: F8
    planned: F8
    cost_micros: int


def uneven_arms(question: AuditQuestion) -> list[Finding]:
    """The findings: a chi-square test of each experiment's impressions, with the noise of its days."""
    experiments = list(_experiments(question))
    return [finding for each in experiments if (finding := _finding(each, level(len(experiments)))) is not None]


def why_no_experiment(question: AuditQuestion) -> str:
    """Why no experiment can be judged; empty where one can. It names no arm, so that a page can leave names out."""
    if any(True for _ in _experiments(question)):
        return ""
    if question.planned and any(row.arm for row in question.export.rows):
        return "no experiment of the export has only arms that --split names: name each arm, as the export writes it"
    return "the export has no experiment of two arms or more"


def _experiments(question: AuditQuestion) -> Iterator[_Experiment]:
    """A campaign with several arms is an experiment; the campaigns that have one arm each are one together."""
    arms: dict[str, set[str]] = defaultdict(set)
    for row in question.export.rows:
        if row.arm:
            arms[row.campaign].add(row.arm)
    rows: dict[str, list[CampaignDay]] = defaultdict(list)
    for row in question.export.rows:
        if row.arm:
            rows[row.campaign if len(arms[row.campaign]) > 1 else ""].append(row)
    for campaign, its in sorted(rows.items()):
        names = tuple(sorted({row.arm for row in its if row.arm}))
        if len(names) > 1 and all(name in (question.planned or names) for name in names):
            yield _experiment(campaign, names, its, question.planned or dict.fromkeys(names, 1.0))


def _experiment(
    campaign: str, names: tuple[str, ...], rows: list[CampaignDay], planned: Mapping[str, float]
) -> _Experiment:
    days = sorted({row.day for row in rows})
    place = {day: number for number, day in enumerate(days)}
    shown = np.zeros((len(names), len(days)))
    for row in rows:
        shown[names.index(row.arm or ""), place[row.day]] += row.impressions
    shares = np.array([planned[name] for name in names])
    kept = shown.sum(0) > 0
    return _Experiment(
        campaign, names, shown[:, kept], shares / shares.sum(), sum(row.cost_micros or 0 for row in rows)
    )


def _finding(experiment: _Experiment, alpha: float) -> Finding | None:
    shown, planned = experiment.shown, experiment.planned
    arms, days = shown.shape
    total = shown.sum()
    if days < 2 or (shown.sum(1) == 0).any():
        return None
    share = shown.sum(1) / total
    by_day = share[:, None] * shown.sum(0)
    degrees = (arms - 1) * (days - 1)
    phi = max(1.0, float(((shown - by_day) ** 2 / by_day).sum()) / degrees)
    uneven = float(((shown.sum(1) - planned * total) ** 2 / (planned * total)).sum()) / (arms - 1) / phi
    if fisher.sf(uneven, arms - 1, degrees) >= alpha:
        return None
    most = int(np.argmax(np.abs(share - planned) / planned))
    reach = float(t.isf(alpha / 2, degrees)) * math.sqrt(phi * share[most] * (1 - share[most]) / total)
    return Finding(
        kind=FindingKind.UNEVEN,
        place=FindingPlace(experiment.campaign, "arm", experiment.arms[most]),
        figure=Figure("share of the experiment's impressions", share[most], share[most] - reach, share[most] + reach),
        reason=f"it was shown {shown[most].sum():,.0f} of {total:,.0f} times, {share[most]:.1%} where "
        f"{planned[most]:.1%} were planned: the arms were not shown to the same people, so that no difference between "
        "them is the arms'",
        stake_micros=experiment.cost_micros,
        look_at="how the arms are split, whether one was paused or limited by its budget, and which rows are missing; "
        "do not decide by this experiment",
    )  # fmt: skip
