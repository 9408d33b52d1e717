"""Intervals of 90 % hold the truth that often, where they are evidence. Touch with scripts/interval_coverage.py."""

from __future__ import annotations

import pytest

from gaelp.domain.log_evidence import interval_by
from scripts.interval_coverage import coverage

FEWEST = 0.82  # of 60 logs an interval that holds the truth in 90 % holds it in fewer once in 50 sets


def shares(scene: str, draws: int) -> dict[str, float]:
    """Of each interval the share of draws in which it held the truth."""
    return {name: held / n for name, (held, n) in coverage(scene, draws).items() if not name.startswith("(")}


@pytest.mark.parametrize(("scene", "no_evidence"), [
    ("bandit, 4,000 rows, 400 clicks", {"dm"}),
    ("A/B test, 20,000 an arm, 80 and 100 clicks", set()),
    ("gap, 20,000 auctions, 60 clicks", set()),
    ("report, 60 days, 6 conversions a day", set()),
])  # fmt: skip
def test_intervals_of_90_percent_hold_the_truth_that_often(scene: str, no_evidence: set[str]) -> None:
    """In at least 82 % of 60 logs of known truth, all but that of the model alone, which is called no evidence."""
    found = shares(scene, 60)
    assert {name for name, held in found.items() if held < FEWEST} == no_evidence
    assert all("no evidence" in interval_by(name, 1000) for name in no_evidence)


def test_a_bootstrap_of_few_clicks_is_called_no_evidence() -> None:
    """From some ten clicks it holds the truth too seldom, as the bet and the exact interval do not."""
    found = shares("bandit, 2,000 rows, 10 clicks", 100)
    for name in ("snips", "dr", "sndr", "switch-dr"):
        assert found[name] < FEWEST + 0.02 and "no evidence" in interval_by(name, 8)
        assert "no evidence" not in interval_by(name, 30)
    for name in ("ips", "on-policy", "non-inferiority"):
        assert found[name] >= FEWEST and "no evidence" not in interval_by(name, 8)
