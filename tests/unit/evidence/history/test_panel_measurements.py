"""From a panel to the numbers of criteria 6 and 7, by hand. Touch with gaelp/evidence/history/panel_measurements.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.history.panel_measurements import measure_panel_evidence
from gaelp.messages.log_replay import PanelEvidence, WindowPairs


def panel(predicted: list[float], actual: list[float], right: int = 57, pairs: int = 60) -> PanelEvidence:
    windows = (WindowPairs(pairs=pairs, right=right),) if pairs else ()
    return PanelEvidence(
        predicted=tuple(predicted), actual=tuple(actual), windows=windows,
        level=1.02, level_low=0.95, level_high=1.08, reliability=0.95, clicks=500,
    )  # fmt: skip


def test_directions_have_exact_bounds_and_57_of_60_are_enough() -> None:
    """Clopper and Pearson's bounds at the level of the first attempt: 57 of 60 lie above 0.85, 56 do not."""
    values = [float(i) for i in range(24)]
    for right, enough in ((57, True), (56, False)):
        measure = measure_panel_evidence(panel(values, values, right), 0.0304)
        assert (measure.right_low, measure.right_high) == clopper_pearson(right, 60, 0.0304)
        assert (measure.right_low >= 0.85) is enough


def test_the_correlation_is_that_of_ranks_with_fishers_bounds() -> None:
    """Two neighbours of 24 swapped: 1 - 6 x 2 / (24 x 575); the bounds are those of Fisher's z with 1.06/(n - 3)."""
    predicted = [math.exp(i) for i in range(24)]
    actual = [float(i) for i in range(24)]
    actual[3], actual[4] = actual[4], actual[3]
    measure = measure_panel_evidence(panel(predicted, actual), 0.05)
    r = 1 - 12 / (24 * 575)
    assert measure.correlation == pytest.approx(r)
    reach = 1.6448536269514722 * math.sqrt(1.06 / 21)
    assert (measure.correlation_low, measure.correlation_high) == pytest.approx(
        (math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach))
    )
    assert measure.regret == 0 and measure.most_carried < 0.001


def test_what_one_policy_carries_and_the_best_one_misses() -> None:
    """Five policies without order but for one outlier: without it the ranks correlate less."""
    measure = measure_panel_evidence(panel([1, 2, 3, 4, 9], [3, 1, 4, 2, 2.5]), 0.05)
    assert measure.regret == pytest.approx((4 - 2.5) / 4)
    carried = measure_panel_evidence(panel([1, 2, 3, 4, 9], [2, 1, 1, 2, 9]), 0.05)
    assert carried.most_carried > 0.1


def test_values_that_do_not_vary_have_no_correlation() -> None:
    """Not 0 and not 1: NaN, which the gate calls INVALID."""
    measure = measure_panel_evidence(panel([1.0] * 24, list(np.arange(24.0))), 0.05)
    assert math.isnan(measure.correlation) and math.isnan(measure.correlation_low)


def test_no_pair_has_no_share() -> None:
    """Without a pair above the noise the bounds are 0 and 1."""
    values = [float(i) for i in range(24)]
    measure = measure_panel_evidence(panel(values, values, 0, 0), 0.05)
    assert (measure.pairs, measure.right_low, measure.right_high) == (0, 0.0, 1.0)


def test_pairs_that_are_right_by_window_count_for_fewer() -> None:
    """Ten windows of six pairs, eight all right and two all wrong, count for less than pairs spread evenly."""
    values = [float(i) for i in range(24)]

    def measured(*right: int) -> tuple[float, float]:
        windows = tuple(WindowPairs(pairs=6, right=each) for each in right)
        measure = measure_panel_evidence(panel(values, values).model_copy(update={"windows": windows}), 0.05)
        return measure.right_low, measure.right_high

    variance = (8 * (6 - 4.8) ** 2 + 2 * 4.8**2) * 10 / 9
    effective = 60 / (variance / (60 * 0.8 * 0.2))
    assert measured(*[6] * 8, 0, 0) == pytest.approx(clopper_pearson(0.8 * effective, effective, 0.05))
    assert measured(*[5, 5, 5, 5, 4] * 2) == pytest.approx(clopper_pearson(48, 60, 0.05))
