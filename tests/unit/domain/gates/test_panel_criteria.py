"""Criteria 6 and 7 at the boundaries of each of their conditions. Touch with gaelp/domain/gates/criteria_panel.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_panel import panel_accuracy, rank_correlation
from gaelp.domain.gates.measurements import LogMeasures, PanelMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Inconclusive, Verdict
from gaelp.domain.policy_ranks import RanksMeasure

PASS, FAIL, INCONCLUSIVE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID


def log(**changes: Any) -> LogMeasures:
    panel = PanelMeasure.model_validate(
        {
            "policies": 24, "clicks": 9000, "pairs": 40, "right": 40, "right_low": 0.85, "right_high": 1.0,
            "level": 1.0, "level_low": 0.9, "level_high": 1.1, "reliability": 0.9, "correlation": 0.8,
            "correlation_low": 0.6, "correlation_high": 0.9, "most_carried": 0.1, "regret": 0.02,
        } | changes
    )  # fmt: skip
    known = {"log": "auctions", "kind": "market", "grade": "B", "rows": 10**6, "clicks": 9000, "state": "settled"}
    return LogMeasures.model_validate(known | {"panel": panel})


def check(answer: CriterionVerdict, verdict: Verdict, said: str) -> None:
    assert answer.verdict is verdict, answer.reason
    assert said in answer.reason and "auctions" in answer.reason and answer.name.endswith("on auctions")
    assert answer.inconclusive is (Inconclusive.UNDECIDED if verdict is INCONCLUSIVE else None)


@pytest.mark.parametrize(("changes", "verdict", "said"), [
    ({}, PASS, "40 of 40 pairs: at least 85%"),
    ({"pairs": 39}, INCONCLUSIVE, "39 of the 40 needed pairs"),
    ({"right_low": 0.849}, INCONCLUSIVE, "the bound 0.849 is below 0.85"),
    ({"right_low": 0.5, "right_high": 0.849}, FAIL, "below 85%"),
    ({"right_low": 0.5, "right_high": 0.85}, INCONCLUSIVE, "is below 0.85"),
    ({"level_low": 0.899}, INCONCLUSIVE, "not yet within 0.9 to 1.1"),
    ({"level_high": 1.101}, INCONCLUSIVE, "not yet within 0.9 to 1.1"),
    ({"level": 1.25, "level_low": 1.101, "level_high": 1.4}, FAIL, "outside 0.9 to 1.1"),
    ({"level": 0.7, "level_low": 0.5, "level_high": 0.899}, FAIL, "outside 0.9 to 1.1"),
    ({"level": 1.25, "level_low": 1.101, "level_high": 1.4, "pairs": 3}, FAIL, "outside 0.9 to 1.1"),
    ({"level_high": math.inf}, INVALID, "is no number"),
])  # fmt: skip
def test_criterion_6(changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    """Directions, level and enough pairs are each necessary; a wrong level fails whatever the directions are."""
    check(panel_accuracy(log(**changes), 0.85), verdict, said)


@pytest.mark.parametrize(("changes", "verdict", "said"), [
    ({}, PASS, "correlate at 0.80 (at least 0.60); the one predicted best earned 2.0% less than the best"),
    ({"correlation": 0.799}, INCONCLUSIVE, "0.8 with a bound of 0.6 is needed"),
    ({"correlation_low": 0.599}, INCONCLUSIVE, "0.8 with a bound of 0.6 is needed"),
    ({"correlation": 0.5, "correlation_low": 0.1, "correlation_high": 0.799}, FAIL, "below 0.8"),
    ({"reliability": 0.899}, INCONCLUSIVE, "reliable to 0.90 only"),
    ({"most_carried": 0.101}, INCONCLUSIVE, "One policy carries 0.10"),
    ({"correlation": math.nan, "correlation_low": math.nan, "correlation_high": math.nan}, INVALID, "do not vary"),
    ({"reliability": math.nan}, INVALID, "do not vary"),
    ({"regret": math.nan}, PASS, "the one predicted best earned nothing"),
])  # fmt: skip
def test_criterion_7(changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    """Correlation, its bound, reliability, and that no policy carries it alone, are each necessary."""
    check(rank_correlation(log(**changes), 0.8), verdict, said)


@pytest.mark.parametrize("judge", [panel_accuracy, rank_correlation])
def test_a_log_without_a_panel_is_unsupported_and_a_failed_replay_invalid(judge: Any) -> None:
    """The reason that the replay gave stands in the verdict."""
    none = log().model_copy(update={"panel": None, "reason": "it has no predicted click rates"})
    answer = judge(none, 0.8)
    assert (answer.verdict, answer.inconclusive) == (INCONCLUSIVE, Inconclusive.UNSUPPORTED)
    what = "panel of policies" if judge is panel_accuracy else "ranks of policies"
    assert answer.reason == f"Log auctions supports no {what}: it has no predicted click rates."
    failed = judge(none.model_copy(update={"state": EpisodeState.FAILED}), 0.8)
    assert failed.verdict is INVALID and "was not replayed" in failed.reason


def ranked(p: float | None = 0.5, **changes: Any) -> CriterionVerdict:
    """Criterion 7 of a bandit log's arms."""
    arms = {
        "policies": 12, "clicks": 9000, "reliability": 0.9, "correlation": 0.8, "correlation_low": 0.6,
        "correlation_high": 0.9, "most_carried": 0.1, "regret": 0.02,
    } | changes  # fmt: skip
    known = {"log": "shown", "kind": "bandit", "grade": "A", "rows": 10**6, "clicks": 9000, "state": "settled"}
    whole = {"arms": RanksMeasure.model_validate(arms), "randomised_p": p}
    return rank_correlation(LogMeasures.model_validate(known | whole), 0.8)


@pytest.mark.parametrize(("changes", "verdict", "said"), [
    ({}, PASS, "On shown the ranks of 12 arms correlate at 0.80"),
    ({"p": 0.001}, PASS, "12 arms"),
    ({"p": None}, PASS, "12 arms"),
    ({"correlation_high": 0.799}, FAIL, "below 0.8"),
    ({"reliability": 0.899}, INCONCLUSIVE, "reliable to 0.90 only"),
    ({"most_carried": 0.101}, INCONCLUSIVE, "One arm carries 0.10"),
    ({"reliability": math.nan}, INVALID, "The values of the arms on shown do not vary"),
])  # fmt: skip
def test_criterion_7_across_arms(changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    """The same conditions decide about the arms of a bandit log, in their own words."""
    answer = ranked(**changes)
    assert answer.verdict is verdict and said in answer.reason, answer.reason


def test_arms_of_a_log_whose_randomisation_is_broken_are_not_judged() -> None:
    """What they brought rests on the propensities: no correlation, however good, passes or fails."""
    for correlation_high in (0.9, 0.1):
        answer = ranked(p=0.0009, correlation_high=correlation_high)
        assert answer.verdict is INCONCLUSIVE and "as often as their propensities say" in answer.reason
        assert answer.inconclusive is Inconclusive.UNSUPPORTED
