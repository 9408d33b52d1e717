"""From a log's forecasts, panel or arms to the numbers of criteria 5a, 6 and 7. Nothing is decided here.

Touch this when one of them needs a new number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from gaelp.arrays import F8
from gaelp.domain.gates.measurements import ForecastMeasure, PanelMeasure
from gaelp.domain.policy_ranks import RanksMeasure
from gaelp.evidence.betting import clopper_pearson
from gaelp.messages.log_replay import ArmsEvidence, ForecastEvidence, PanelEvidence, WindowPairs

SPEARMAN_VARIANCE = 1.06  # of Fisher's z of Spearman's correlation, times n - 3 (Fieller, Hartley & Pearson 1957)
NEARLY_ONE = 0.9999  # a correlation of 1 has no finite z


def measure_panel_evidence(panel: PanelEvidence, alpha: float) -> PanelMeasure:
    """Directions, level and rank correlation, with one-sided bounds at `alpha`; NaN where nothing varies."""
    pairs, right = (sum(each) for each in ((w.pairs for w in panel.windows), (w.right for w in panel.windows)))
    share = right / pairs if pairs else 0.0
    effective = pairs / _design_effect(panel.windows, share)
    right_low, right_high = clopper_pearson(share * effective, effective, alpha)
    return PanelMeasure(
        **_ranks(panel, alpha),
        pairs=pairs,
        right=right,
        right_low=right_low,
        right_high=right_high,
        level=panel.level,
        level_low=panel.level_low,
        level_high=panel.level_high,
    )


def measure_ranks(found: ArmsEvidence, alpha: float) -> RanksMeasure:
    """Rank correlation of a bandit log's arms, with one-sided bounds at `alpha`; NaN where nothing varies."""
    reliability, correlation, most_carried, regret = (
        math.nan if each is None else each
        for each in (found.reliability, found.correlation, found.most_carried, found.regret)
    )
    low, high = _fisher(correlation, found.arms, alpha)
    return RanksMeasure(
        policies=found.arms,
        clicks=found.clicks,
        reliability=reliability,
        correlation=correlation,
        correlation_low=low,
        correlation_high=high,
        most_carried=most_carried,
        regret=regret,
    )


def ranked(predicted: F8, actual: F8) -> tuple[float, float, float]:
    """Spearman's correlation, what one policy carries of it at the most, and the regret; NaN where nothing varies."""
    correlation = _spearman(predicted, actual)
    return correlation, _most_carried(predicted, actual, correlation), _regret(predicted, actual)


def _ranks(panel: PanelEvidence, alpha: float) -> dict[str, Any]:
    predicted, actual = np.array(panel.predicted), np.array(panel.actual)
    correlation, most_carried, regret = ranked(predicted, actual)
    low, high = _fisher(correlation, predicted.size, alpha)
    return {
        "policies": predicted.size,
        "clicks": panel.clicks,
        "reliability": panel.reliability,
        "correlation": correlation,
        "correlation_low": low,
        "correlation_high": high,
        "most_carried": most_carried,
        "regret": regret,
    }


def _design_effect(windows: Sequence[WindowPairs], share: float) -> float:
    """By how much pairs of one window being right together widens the variance of their share; at least 1.

    Pairs of a window share its auctions. The ratio of the variance by windows to that of independent pairs.
    """
    if len(windows) < 2 or share in (0.0, 1.0):
        return 1.0
    spread = sum((each.right - share * each.pairs) ** 2 for each in windows) * len(windows) / (len(windows) - 1)
    return max(1.0, spread / (sum(each.pairs for each in windows) * share * (1 - share)))


def measure_forecast(forecast: ForecastEvidence, alpha: float) -> ForecastMeasure:
    """The match with one-sided bounds at `alpha`: Student's t over the blocks, as of any ratio of sums."""
    actual, missed = np.array(forecast.actual), np.array(forecast.missed)
    total, weeks = float(actual.sum()), actual.size
    share = float(missed.sum()) / total if total > 0 else math.nan
    reach = math.inf
    if weeks > 1 and total > 0:
        spread = float(((missed - share * actual) ** 2).sum()) * weeks / (weeks - 1)
        reach = -float(stdtrit(weeks - 1, alpha)) * math.sqrt(spread) / total
    return ForecastMeasure(
        quantity=forecast.quantity,
        cells=forecast.cells,
        weeks=weeks,
        events=forecast.events,
        reachable=forecast.reachable,
        match=1 - share,
        match_low=1 - share - reach,
        match_high=1 - share + reach,
        ratio=forecast.ratio,
        ratio_low=forecast.ratio_low,
        ratio_high=forecast.ratio_high,
    )


def _spearman(predicted: F8, actual: F8) -> float:
    if predicted.size < 4 or np.ptp(predicted) == 0 or np.ptp(actual) == 0:
        return math.nan
    from scipy.stats import spearmanr  # as in policy_panel.py

    return float(spearmanr(predicted, actual).statistic)


def _fisher(correlation: float, n: int, alpha: float) -> tuple[float, float]:
    if math.isnan(correlation):
        return math.nan, math.nan
    z = math.atanh(min(max(correlation, -NEARLY_ONE), NEARLY_ONE))
    reach = -float(ndtri(alpha)) * math.sqrt(SPEARMAN_VARIANCE / (n - 3))
    return math.tanh(z - reach), math.tanh(z + reach)


def _most_carried(predicted: F8, actual: F8, correlation: float) -> float:
    """By how much the correlation changes at the most where one policy is left out."""
    without = [_spearman(np.delete(predicted, i), np.delete(actual, i)) for i in range(predicted.size)]
    return max((abs(each - correlation) for each in without), default=math.nan)


def _regret(predicted: F8, actual: F8) -> float:
    """What the policy predicted to be best earned less than the best one, as a share of the best one's value."""
    best = float(actual.max())
    return (best - float(actual[predicted.argmax()])) / best if best > 0 else math.nan
