"""The arms of an A/B test. Touch with gaelp/evidence/history/arm_comparison.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from gaelp.arrays import Array
from gaelp.evidence.history.arm_comparison import compare, newcombe


def log(*rows: tuple[str, str, int, int]) -> dict[str, Array]:
    """Experiment, arm, impressions and clicks of each row."""
    experiment, arm, impressions, clicks = zip(*rows, strict=True)
    return {
        "experiment": np.array(experiment), "arm": np.array(arm),
        "impressions": np.array(impressions), "clicks": np.array(clicks),
    }  # fmt: skip


@pytest.mark.parametrize(("one", "other", "low", "high"), [
    ((70, 56), (80, 48), 0.0524, 0.3339),
    ((10, 9), (10, 3), 0.1705, 0.8090),
    ((56, 5), (29, 0), -0.0381, 0.1926),
    ((10, 0), (20, 0), -0.1611, 0.2775),
    ((10, 10), (10, 0), 0.6075, 1.0),
])  # fmt: skip
def test_the_difference_is_bounded_as_newcombe_published_it(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """The 95 % intervals of method 10 in the paper's table II, to its four digits."""
    value, below, above = newcombe(one, other, 0.025)
    assert value == pytest.approx(one[1] / one[0] - other[1] / other[0])
    assert (below, above) == pytest.approx((low, high), abs=6e-5)


def test_rows_of_an_arm_are_summed_and_experiments_are_not_mixed() -> None:
    """Two days of an arm are one arm; the same arms of another experiment are others."""
    made = log(("a", "old", 600, 6), ("a", "new", 400, 8), ("a", "old", 400, 4), ("a", "new", 600, 4),
               ("b", "old", 50, 1), ("b", "new", 50, 2))  # fmt: skip
    first, second = compare(made, {})
    assert [(arm.arm, arm.impressions, arm.clicks) for arm in first.arms] == [("old", 1000, 10), ("new", 1000, 12)]
    assert [(arm.impressions, arm.clicks) for arm in second.arms] == [(50, 1), (50, 2)]
    assert first.split_p == 1.0 and first.arms[0].difference is None
    exact = binomtest(12, 1000).proportion_ci(0.9, method="exact")
    assert (first.arms[1].low, first.arms[1].high) == pytest.approx((exact.low, exact.high))
    assert first.arms[1].difference == pytest.approx(0.002)


def test_the_split_is_judged_by_the_planned_shares_and_the_first_arm_is_the_control() -> None:
    """A tenth for the new arm is as planned where a tenth was planned, and not where half was."""
    made = log(("", "new", 1000, 10), ("", "old", 9000, 70))
    (planned,) = compare(made, {"old": 90, "new": 10})
    assert planned.split_p == pytest.approx(1.0) and [arm.arm for arm in planned.arms] == ["old", "new"]
    assert [arm.planned for arm in planned.arms] == pytest.approx([0.9, 0.1])
    (halves,) = compare(made, {})
    assert halves.split_p < 1e-100 and [arm.arm for arm in halves.arms] == ["new", "old"]


@pytest.mark.parametrize(("rows", "shares", "says"), [
    ([("a", "old", 10, 1)], {}, "arm 'old' of experiment 'a' has no other arm beside it"),
    ([("", "old", 10, 1), ("", "new", 0, 0)], {}, "arm 'new' has no impressions"),
    ([("", "old", 10, 1), ("", "new", 9, 0)], {"old": 1.0, "newer": 1}, "the log has no arm 'newer'; it has old, new"),
    ([("", "old", 10, 1), ("", "new", 9, 0)], {"old": 1.0}, "has an arm 'new', and its share is not said"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(
    rows: list[tuple[str, str, int, int]], shares: dict[str, float], says: str
) -> None:
    """One arm alone, an arm that was never shown, and shares of other arms than the log's."""
    with pytest.raises(ValueError, match=says):
        compare(log(*rows), shares)
