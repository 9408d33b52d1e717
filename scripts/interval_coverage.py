"""How often a 90 % interval holds the truth, for every estimator that prints one: a table of docs/measurements.md.

    PYTHONPATH=. python scripts/interval_coverage.py [--draws N] [SCENE ...]

Each draw makes a log whose truth is known and asks the estimators as the verbs and the phase do. Touch this when an
estimator is new, or another kind of log should be tried.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import norm

from gaelp.arrays import F8, I8, Array
from gaelp.domain.log_evidence import LEAST_CLICK_ESS
from gaelp.evidence.history import arm_comparison, logged_quantities
from gaelp.evidence.history.off_policy import LOGGING, TESTED, evaluate_paired
from gaelp.evidence.history.policy_panel import measure_panel
from gaelp.evidence.history.price_fit import fit_prices
from gaelp.evidence.history.report_forecasts import forecast_report
from tests.support.known_truth_logs import BETTER, ITEMS, SEGMENTS, TRUTH, bandit_log, market_log, report_log

Held = Mapping[str, bool | None]
"""Whether each interval of a draw holds its truth; none where the estimator gave no interval."""

GRADED = f"(draws with {LEAST_CLICK_ESS} effective clicks or more)"
LEVEL, SPREAD = 60.0, 0.6  # median and log standard deviation of made-up prices


def within(low: float, truth: float, high: float) -> bool:
    """Whether the interval holds the truth, ends included."""
    return low <= truth <= high


def bandit(rng: np.random.Generator, rows: int, level: float, policy: F8) -> Held:
    """The estimators of `evaluate`, and the paired difference from the uniform policy; policy f8[S, K]."""
    log, segment = bandit_log(int(rng.integers(2**31)), rows, level)
    uniform = np.full((SEGMENTS, ITEMS), 1 / ITEMS)
    wide = {name: np.broadcast_to(each, (24, SEGMENTS, ITEMS)).copy() for name, each in
            ((TESTED, policy), ("uniform", uniform))}  # fmt: skip
    estimates, differences = evaluate_paired(log, segment, wide, rng)
    said = logging_policy(log, segment)
    truth = {
        TESTED: level * float((policy * TRUTH).sum(axis=1).mean()),
        "uniform": level * float((uniform * TRUTH).sum(axis=1).mean()),
        LOGGING: level * float((said * TRUTH).sum(axis=1).mean()),
    }
    held: dict[str, bool | None] = {}
    for each in estimates:
        if each.policy not in (TESTED, LOGGING):
            continue
        right = truth[each.policy] - (0.95 * truth[LOGGING] if each.estimator == "non-inferiority" else 0.0)
        held[each.estimator] = within(each.low, right, each.high)
        held[GRADED] = each.click_ess >= LEAST_CLICK_ESS
    for pair in differences:
        held[f"SNIPS less {pair.policy}"] = within(pair.low, truth[TESTED] - truth[pair.policy], pair.high)
    return held


def logging_policy(log: Mapping[str, Array], segment: I8) -> F8:
    """The propensities f8[S, K] that a log's rows were drawn with; an item that was never shown has 0."""
    table = np.zeros((SEGMENTS, ITEMS))
    table[segment, log["action"]] = log["propensity"]
    return table


def arms(rng: np.random.Generator, rows: int, rates: tuple[float, float]) -> Held:
    """Both arms' click rates and their difference, as `evaluate --split` prints them."""
    clicks = rng.binomial(rows, rates)
    log = {
        "experiment": np.array(["e", "e"]), "arm": np.array(["control", "new"]),
        "impressions": np.array([rows, rows]), "clicks": clicks,
    }  # fmt: skip
    (found,) = arm_comparison.compare(log, {"control": 1.0, "new": 1.0})
    control, new = found.arms
    assert new.difference_low is not None
    assert new.difference_high is not None
    return {
        "click rate of an arm": within(control.low, rates[0], control.high),
        "difference of arms": within(new.difference_low, rates[1] - rates[0], new.difference_high),
    }


def prices(rng: np.random.Generator, rows: int, together: int = 1) -> Held:
    """What `calibrate` says of prices; `together` neighbouring auctions have prices that rise and fall together."""
    common = np.repeat(rng.normal(size=-(-rows // together)), together)[:rows]
    share = 0.0 if together == 1 else 0.3
    z = math.sqrt(1 - share) * rng.normal(size=rows) + math.sqrt(share) * common
    fit = fit_prices(np.rint(LEVEL * np.exp(SPREAD * z)).astype(np.int64), rng)

    def below(price: float) -> float:
        return float(norm.cdf(math.log(price / LEVEL) / SPREAD))

    # Of the whole numbers k with P(k) = below(k + 1/2) - below(k - 1/2).
    whole = np.arange(1, 3000)
    mean = float(whole @ np.diff([below(each) for each in np.arange(0.5, 3000)]))
    middle = fit.wins[len(fit.wins) // 2]
    assert fit.spread is not None
    return {
        "mean price": within(fit.mean[1], mean, fit.mean[2]),
        "median price": within(fit.median[1], LEVEL, fit.median[2]),
        "spread of prices": within(fit.spread[1], SPREAD, fit.spread[2]),
        "share won at a bid": middle.low <= below(middle.bid - 0.5) and below(middle.bid + 0.5) <= middle.high,
    }


def gap(rng: np.random.Generator, rows: int, ctr: float) -> Held:
    """What the later part of a market log says of the quantities that are compared with the market."""
    click = (rng.random(rows) < ctr).astype(np.int64)
    price = np.rint(LEVEL * np.exp(SPREAD * rng.normal(size=rows))).astype(np.int64)
    log = {"market_price": price, "click": click, "time_us": np.full(rows, -1)}
    found = logged_quantities.of_auctions(log, 0, {0.25: 40}, rng)
    mean = LEVEL * math.exp(SPREAD**2 / 2)
    truth = {"click": ctr, "cost": mean / ctr, "won": float(norm.cdf(math.log(40.5 / LEVEL) / SPREAD))}
    names = {"clicks per impression": "click", "cost per click": "cost"}
    return {
        f"gap: {each.quantity}": within(each.low, truth[names.get(str(each.quantity), "won")], each.high)
        for each in found
    }


def report(rng: np.random.Generator, events: float, days: int) -> Held:
    """Conversions per click in the later part of a report, and its forecasts over what came."""
    log = report_log(int(rng.integers(2**31)), events, days)
    log |= {"impressions": log["clicks"] * 50, "until": log["day"]}
    order = np.argsort(log["day"], kind="stable")
    log = {name: each[order] for name, each in log.items()}
    later = {str(each.quantity): each for each in logged_quantities.of_report(log, 3 * (days // 2), 0.0, rng)}
    rate = later.get("conversions per click")
    held: dict[str, bool | None] = {
        "gap: conversions per click": None if rate is None else within(rate.low, 0.2, rate.high)
    }
    for each in forecast_report(log, int(log["day"][0]) + days // 2, 0.0, rng):
        held[f"forecast over reported: {each.quantity}"] = within(each.ratio_low, 1.0, each.ratio_high)
    return held


def panel(rng: np.random.Generator, rows: int, ctr: float) -> Held:
    """The level of criterion 6: predicted over actual values of the policies, which is 1 where nothing changes."""
    log = market_log(int(rng.integers(2**31)), rows, ctr)
    found = measure_panel(log, rows // 2, rng)
    return {"level of the panel": within(found.level_low, 1.0, found.level_high)}


def preferring(item: int, share: float) -> F8:
    """The policy f8[S, K] that shows one item in `share` of its rows, and the others alike."""
    policy = np.full((SEGMENTS, ITEMS), (1 - share) / (ITEMS - 1))
    policy[:, item] = share
    return policy


SCENES: Mapping[str, Callable[[np.random.Generator], Held]] = {
    "bandit, 20,000 rows, 400 clicks": lambda rng: bandit(rng, 20_000, 0.02, BETTER),
    "bandit, 4,000 rows, 400 clicks": lambda rng: bandit(rng, 4_000, 0.1, BETTER),
    "bandit, 20,000 rows, 60 clicks": lambda rng: bandit(rng, 20_000, 0.003, BETTER),
    "bandit, 3,000 rows, 60 clicks, one item only": lambda rng: bandit(rng, 3_000, 0.02, preferring(0, 1.0)),
    "bandit, 2,000 rows, 10 clicks": lambda rng: bandit(rng, 2_000, 0.005, BETTER),
    "A/B test, 20,000 an arm, 80 and 100 clicks": lambda rng: arms(rng, 20_000, (0.004, 0.005)),
    "A/B test, 1,000 an arm, 4 and 5 clicks": lambda rng: arms(rng, 1_000, (0.004, 0.005)),
    "market log, 20,000 prices": lambda rng: prices(rng, 20_000),
    "market log, 20,000 prices, 50 together": lambda rng: prices(rng, 20_000, 50),
    "market log, 2,000 prices": lambda rng: prices(rng, 2_000),
    "gap, 20,000 auctions, 60 clicks": lambda rng: gap(rng, 20_000, 0.003),
    "gap, 20,000 auctions, 10 clicks": lambda rng: gap(rng, 20_000, 0.0005),
    "report, 120 days, 60 conversions a day": lambda rng: report(rng, 20.0, 120),
    "report, 60 days, 6 conversions a day": lambda rng: report(rng, 2.0, 60),
    "panel, 100,000 auctions, 2,000 clicks a half": lambda rng: panel(rng, 100_000, 0.04),
}


def coverage(scene: str, draws: int) -> dict[str, tuple[int, int]]:
    """Of each interval how many of the draws held the truth, and how many had an interval at all."""
    hits: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for draw in range(draws):
        for name, held in SCENES[scene](np.random.default_rng([zlib.crc32(scene.encode()), draw])).items():
            counted[name] += held is not None
            hits[name] += bool(held)
    return {name: (hits[name], counted[name]) for name in counted}


def main() -> None:
    """Print a table for each scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("scenes", nargs="*", default=list(SCENES))
    options = parser.parse_args()
    for scene in options.scenes:
        print(f"\n{scene}\n\n| interval | draws | holds the truth |\n|---|---|---|", flush=True)
        for name, (held, draws) in coverage(scene, options.draws).items():
            print(f"| {name} | {draws} | {held / draws:.1%} |" if draws else f"| {name} | 0 | - |", flush=True)


if __name__ == "__main__":
    main()
