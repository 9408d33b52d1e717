"""Criteria 5a to 7 on logs whose truth is known: each can PASS, and with one thing spoiled it does not.

Touch this with docs/gates.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.judging import alpha_for, judge_historical
from gaelp.domain.gates.verdicts import CriterionVerdict, Inconclusive, Verdict
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.evidence.history.arm_ranks import NoArms, measure_arms
from gaelp.evidence.history.off_policy import TESTED, evaluate, randomised_p
from gaelp.evidence.history.policy_panel import NoPanel, measure_panel
from gaelp.evidence.history.report_forecasts import NoForecast, forecast_clicks, forecast_report
from gaelp.evidence.phase_measurements import measure_historical
from gaelp.market.calibration.shrinkage import click_rates
from gaelp.messages.log_replay import LogEvidence
from tests.support.known_truth_logs import BETTER, ITEMS, SEGMENTS, bandit_log, market_log, report_log

MANY = 1_000_000
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def judged(evidence: LogEvidence, id: str, **thresholds: float) -> CriterionVerdict:
    config = TrainingConfiguration.model_validate({"historical": thresholds})
    criteria = judge_historical(measure_historical([evidence], alpha_for(1)), config)
    return next(each for each in criteria if each.id == id)


def on_bandit(policy: np.ndarray = BETTER, rows: int = MANY, **spoiled: Any) -> CriterionVerdict:
    """Criterion 5b of a policy [S, K]."""
    log, segment = bandit_log(1, rows, **spoiled)
    whole = np.broadcast_to(policy, (24, SEGMENTS, ITEMS)).copy()
    evidence = LogEvidence(
        log="made", kind=LogKind.BANDIT, grade=Grade.A, rows=rows, clicks=int(log["click"].sum()),
        estimates=evaluate(log, segment, {TESTED: whole}, np.random.default_rng(0)), randomised_p=randomised_p(log),
    )  # fmt: skip
    return judged(evidence, "5b")


def on_arms(rows: int = MANY, turned: bool = False, **spoiled: Any) -> LogEvidence:
    """The arms of a log of which the earlier half calibrates; `turned` has them clicked in the opposite order later."""
    log, segment = bandit_log(1, rows, **spoiled)
    half = rows // 2
    cells = np.zeros((2, SEGMENTS, ITEMS), np.int64)
    for counts, weights in zip(cells, (np.ones(half, np.int64), log["click"][:half]), strict=True):
        np.add.at(counts, (segment[:half], log["action"][:half]), weights)
    later = {name: each[half:] for name, each in log.items()}
    ctr = click_rates(*cells)
    arms = measure_arms(later, segment[half:], ctr[:, ::-1] if turned else ctr)
    return LogEvidence(
        log="made", kind=LogKind.BANDIT, grade=Grade.A, rows=half, clicks=arms.clicks, arms=arms,
        randomised_p=randomised_p(later),
    )  # fmt: skip


def test_criterion_7_passes_on_arms_that_are_clicked_as_they_were() -> None:
    """The market of half a million impressions ranks eight items as the next half million do."""
    verdict = judged(on_arms(), "7")
    assert verdict.verdict is PASS and verdict.n == ITEMS, verdict.reason


def test_arms_in_the_opposite_order_fail_7() -> None:
    """What was predicted best is clicked least."""
    assert judged(on_arms(turned=True), "7").verdict is FAIL


@pytest.mark.parametrize(("rows", "spoiled", "said"), [
    (20_000, {}, "The actual values themselves are reliable to"),
    (MANY // 5, {"biased_item": 0}, "not shown as often as their propensities say"),
])  # fmt: skip
def test_few_clicks_and_broken_randomisation_do_not_pass_7(rows: int, spoiled: dict[str, Any], said: str) -> None:
    """Each is named, and the verdict is INCONCLUSIVE."""
    verdict = judged(on_arms(rows, **spoiled), "7")
    assert verdict.verdict is INCONCLUSIVE and said in verdict.reason, verdict.reason


@pytest.mark.parametrize(("rows", "spoiled", "said"), [
    (20_000, {"missing": 0}, "7 of its items have 30 effective rows, and 8 are needed"),
    (20_000, {"level": 0.0001}, "later clicks, and at least 30 are needed"),
])  # fmt: skip
def test_arms_that_cannot_be_ranked_say_why(rows: int, spoiled: dict[str, Any], said: str) -> None:
    """An item that was never shown has no value, and with hardly a click all are equal."""
    with pytest.raises(NoArms) as why:
        on_arms(rows, **spoiled)
    assert said in str(why.value)


def on_market(rows: int = MANY // 2, seed: int = 1, **spoiled: Any) -> LogEvidence:
    log = market_log(seed, rows, **{"ctr": 0.04} | spoiled)
    panel = measure_panel(log, rows // 2, np.random.default_rng(0))
    return LogEvidence(log="made", kind=LogKind.MARKET, grade=Grade.B, rows=rows, clicks=panel.clicks, panel=panel)


def test_a_better_policy_passes_5b_and_a_worse_one_fails() -> None:
    """On a million rows of a randomised log with true propensities."""
    assert on_bandit().verdict is PASS
    worse = np.full((SEGMENTS, ITEMS), 0.05) + 0.6 * np.eye(ITEMS)[0]
    assert on_bandit(worse).verdict is FAIL


@pytest.mark.parametrize(("spoiled", "said"), [
    ({"missing": ITEMS - 1}, "mean weight"),
    ({"missing": 0}, "mean weight"),
    ({"propensity_factor": 0.9}, "mean weight"),
    ({"propensity_factor": 1.05}, "mean weight"),
    ({"biased_item": ITEMS - 1}, "mean weight"),
    ({"biased_item": 0}, "not shown as often as their propensities say"),
    ({"level": 0.00001}, "effective clicks"),
])  # fmt: skip
def test_a_log_with_one_thing_spoiled_does_not_pass_5b(spoiled: dict[str, Any], said: str) -> None:
    """Removed support, propensities that are a little wrong, broken randomisation and too few clicks are each named."""
    verdict = on_bandit(rows=MANY // 5, **spoiled)
    assert verdict.verdict is INCONCLUSIVE and said in verdict.reason
    assert verdict.inconclusive is Inconclusive.UNSUPPORTED


def test_broken_randomisation_is_noticed_where_every_weight_is_one() -> None:
    """The uniform policy on a log that says it was uniform: no weight shows what was preferred, the counts do."""
    rng = np.random.default_rng(2)
    action = rng.choice(ITEMS, 20_000, p=np.array([0.16] + [0.12] * (ITEMS - 1)))
    log = {"action": action, "propensity": np.full(20_000, 1 / ITEMS), "click": np.zeros(20_000, int)}
    assert (p := randomised_p(log)) is not None and p < 1e-6
    true = log | {"action": rng.integers(0, ITEMS, 20_000)}
    assert (p := randomised_p(true)) is not None and p > 0.001


def test_the_check_of_randomisation_refuses_one_true_log_in_a_thousand() -> None:
    """Of 400 true logs of 5,000 rows the p-value is below 5 % in 2 to 9 %, and below 0.1 % in 1 % at the most."""
    values = np.array([randomised_p(bandit_log(seed, 5000)[0]) for seed in range(400)], float)
    assert 0.02 <= np.mean(values < 0.05) <= 0.09 and np.mean(values < 0.001) <= 0.01


def test_too_few_rows_say_nothing_of_randomisation() -> None:
    """Items with fewer than 30 effective rows are not counted, and one item alone has no share."""
    assert randomised_p({"action": np.array([0, 1]), "propensity": np.full(2, 0.5)}) is None


def test_criteria_6_and_7_pass_on_a_market_that_stays_as_it_was() -> None:
    """On half a million auctions the calibrated market tells policies apart, at the right level and in order."""
    evidence = on_market()
    accuracy, correlation = judged(evidence, "6"), judged(evidence, "7")
    assert accuracy.verdict is PASS and accuracy.n >= 40, accuracy.reason
    assert correlation.verdict is PASS and correlation.n == 24, correlation.reason


@pytest.mark.parametrize(("id", "setting"), [("6", "accuracy"), ("7", "correlation")])
def test_the_threshold_is_the_settings(id: str, setting: str) -> None:
    """The same evidence does not pass where the configuration asks for more than it shows."""
    assert judged(on_market(rows=MANY // 4), id, **{setting: 0.9999}).verdict is not PASS


def test_a_level_a_quarter_off_fails_6_although_the_order_is_right() -> None:
    """Later click rates are 20 % below those that were predicted from, which is a level 25 % too high."""
    verdict = judged(on_market(later_ctr=0.8), "6")
    assert verdict.verdict is FAIL and "predicted over actual value" in verdict.reason


def test_an_order_turned_round_fails_7() -> None:
    """Later clicks fall where they were predicted least, at the same level."""
    assert judged(on_market(order=False), "7").verdict is FAIL


@pytest.mark.parametrize("rows", [10_000, 50_000])
def test_too_few_clicks_decide_neither(rows: int) -> None:
    """With 100 or 500 clicks the pairs or the reliability of the replay do not suffice, and more clicks would."""
    evidence = on_market(rows=rows, seed=2, ctr=0.01)
    for id in ("6", "7"):
        verdict = judged(evidence, id)
        assert verdict.verdict is INCONCLUSIVE and verdict.inconclusive is Inconclusive.UNDECIDED, verdict.reason


@pytest.mark.parametrize(("changed", "said"), [
    ({"pctr": np.full(2000, np.nan)}, "no predicted click rates"),
    ({"click": np.full(2000, -1)}, "clicks of some of its auctions are unknown"),
    ({"click": np.zeros(2000, int)}, "earlier part has 0 clicks"),
    ({"market_price": np.zeros(2000, int)}, "all its prices are 0"),
])  # fmt: skip
def test_a_log_that_supports_no_panel_says_why(changed: dict[str, np.ndarray], said: str) -> None:
    """The sentence is the reason of the verdict, which is INCONCLUSIVE (unsupported)."""
    with pytest.raises(NoPanel) as why:
        measure_panel(market_log(3, 2000, ctr=0.1) | changed, 1000, np.random.default_rng(0))
    assert said in str(why.value)
    evidence = LogEvidence(log="made", kind=LogKind.MARKET, grade=Grade.B, rows=1, clicks=0, reason=str(why.value))
    verdict = judged(evidence, "6")
    assert verdict.verdict is INCONCLUSIVE and verdict.inconclusive is Inconclusive.UNSUPPORTED
    assert said in verdict.reason


def on_report(log: dict[str, np.ndarray], lag_days: float = 1.0, **thresholds: float) -> CriterionVerdict:
    forecasts = forecast_report(log, 20_060, lag_days, np.random.default_rng(0))
    evidence = LogEvidence(log="made", kind=LogKind.REPORT, grade=Grade.R, rows=1, clicks=0, forecasts=forecasts)
    return judged(evidence, "5a", **thresholds)


def test_5a_passes_on_a_report_that_goes_on_as_it_was() -> None:
    """With a thousand conversions a day and a weekly rhythm, forecasts a day ahead match within 5 %."""
    verdict = on_report(report_log(1, 1000))
    assert verdict.verdict is PASS and verdict.threshold == 0.95, verdict.reason
    assert on_report(report_log(1, 1000), match=0.99).verdict is not PASS


@pytest.mark.parametrize(("log", "verdict", "said"), [
    (report_log(2, 1000, level=1.5), FAIL, "below 0.95"),
    (report_log(2, 1000, noise=0.3), FAIL, "below 0.95"),
    (report_log(2, 50), INCONCLUSIVE, "even a perfect model matches at 0.89"),
    (report_log(2, 3), INCONCLUSIVE, "2,000 in 4 are needed"),
    (report_log(2, 1000, days=80), INCONCLUSIVE, "in 2 weeks"),
    (report_log(2, 1000) | {"conversions": np.full(360, np.nan)}, INCONCLUSIVE, "no forecast of conversions"),
    (report_log(2, 1000, days=50), INCONCLUSIVE, "no forecast of cost and conversions"),
    (report_log(2, 1000) | {"cost_micros": np.zeros(360, int)}, Verdict.INVALID, "no numbers, or 0 on every day"),
])  # fmt: skip
def test_a_report_with_one_thing_spoiled_does_not_pass_5a(
    log: dict[str, np.ndarray], verdict: Verdict, said: str
) -> None:
    """Alternating levels, noise, too few events or weeks, and unknown conversions; what a model can reach is said."""
    found = on_report(log)
    assert found.verdict is verdict and said in found.reason, found.reason


def test_a_forecast_knows_no_later_day() -> None:
    """Changing the last day changes what was reported on it and no forecast; immature days at the end are left out."""
    log = report_log(3, 1000)
    first = forecast_report(log, 20_060, 0.0, np.random.default_rng(0))[0]
    changed = log | {"cost_micros": np.where(log["day"] == 20_119, 0, log["cost_micros"])}
    second = forecast_report(changed, 20_060, 0.0, np.random.default_rng(0))[0]
    total = [each.ratio * sum(each.actual) for each in (first, second)]
    assert total[0] == pytest.approx(total[1]) and sum(second.actual) < sum(first.actual)
    late = forecast_report(log, 20_060, 3.0, np.random.default_rng(0))[0]
    assert first.cells - late.cells == 3 * 7  # three campaigns, 3 x ln 10 = 6.9 days


def won_days(seed: int, clicks: int, days: int = 70, later: float = 1.0) -> dict[str, np.ndarray]:
    """A market log of so many clicks a day at a predicted rate of 0.1, with a weekly rhythm of what is won; in the
    second half each second week has `later` times the clicks that were predicted."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rng.poisson(10 * clicks * np.where(np.arange(days) % 7 < 5, 1.2, 0.5)))
    true = 0.1 * np.where((day >= days // 2) & (day // 7 % 2 == 0), later, 1.0)
    return {
        "time_us": (20_000 + day) * 86_400_000_000, "pctr": np.full(day.size, 0.1),
        "click": (rng.random(day.size) < true).astype(np.int64),
    }  # fmt: skip


def on_won_days(log: dict[str, np.ndarray]) -> CriterionVerdict:
    forecasts = forecast_clicks(log, len(log["click"]) // 2, np.random.default_rng(0))
    evidence = LogEvidence(log="made", kind=LogKind.MARKET, grade=Grade.B, rows=1, clicks=0, forecasts=forecasts)
    return judged(evidence, "5a")


def test_5a_passes_on_clicks_given_wins_that_stay_as_they_were() -> None:
    """With a thousand clicks a day the day's clicks follow from what was won, whatever the rhythm of the week."""
    verdict = on_won_days(won_days(1, 1000))
    assert verdict.verdict is PASS, verdict.reason
    plain = won_days(1, 1000)
    assert on_won_days(plain | {"pctr": np.full(len(plain["click"]), np.nan)}).verdict is PASS


@pytest.mark.parametrize(("log", "verdict", "said"), [
    (won_days(2, 1000, later=1.3), FAIL, "Clicks of made match at"),
    (won_days(2, 50, days=140), INCONCLUSIVE, "even a perfect model matches at"),
    (won_days(2, 3), INCONCLUSIVE, "2,000 in 4 are needed"),
])  # fmt: skip
def test_a_market_log_with_one_thing_spoiled_does_not_pass_5a(
    log: dict[str, np.ndarray], verdict: Verdict, said: str
) -> None:
    """A level that moves by weeks, and too few clicks."""
    found = on_won_days(log)
    assert found.verdict is verdict and said in found.reason, found.reason


@pytest.mark.parametrize(
    ("changed", "said"), [("time_us", "it has no times"), ("click", "clicks of some of its auctions")]
)
def test_a_market_log_without_times_or_clicks_supports_no_5a(changed: str, said: str) -> None:
    """The sentence is the reason of the verdict, which is INCONCLUSIVE (unsupported)."""
    log = won_days(3, 10)
    with pytest.raises(NoForecast) as why:
        forecast_clicks(log | {changed: np.full(len(log["click"]), -1)}, 10, np.random.default_rng(0))
    evidence = LogEvidence(log="made", kind=LogKind.MARKET, grade=Grade.B, rows=1, clicks=0, no_forecast=str(why.value))
    verdict = judged(evidence, "5a")
    assert verdict.inconclusive is Inconclusive.UNSUPPORTED and said in verdict.reason


def test_two_currencies_are_never_added() -> None:
    """A report in two currencies supports no forecast, and the sentence names both."""
    log = report_log(4, 100)
    log["currency"] = np.where(log["campaign"] == "1", "USD", log["currency"])
    with pytest.raises(NoForecast, match="its amounts are in EUR and USD"):
        forecast_report(log, 20_060, 1.0, np.random.default_rng(0))


def test_a_report_without_cost_or_of_longer_periods_forecasts_no_cost() -> None:
    """An unknown cost is no amount, and a week is no day."""
    log = report_log(5, 100)
    unknown = log | {"cost_micros": np.full(len(log["day"]), np.iinfo(np.int64).min)}
    kept = forecast_report(unknown, 20_060, 1.0, np.random.default_rng(0))
    assert [each.quantity for each in kept] == ["conversions"]
    with pytest.raises(NoForecast, match="more than one day"):
        forecast_report(log | {"days": np.full(len(log["day"]), 7)}, 20_060, 1.0, np.random.default_rng(0))
