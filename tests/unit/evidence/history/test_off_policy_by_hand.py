"""Off-policy estimates against the papers' formulas, row by row. Touch with gaelp/evidence/history/off_policy.py."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.history import off_policy, sparse_bets
from gaelp.evidence.history.off_policy import InvalidLog
from gaelp.evidence.history.sparse_bets import SparseValues
from gaelp.messages.log_replay import Estimate

SEGMENTS, ITEMS = 2, 3


class Row:
    """One row of a log, with what the policy makes of it."""

    def __init__(self, hour: int, segment: int, action: int, propensity: float, click: int, policy: np.ndarray) -> None:
        self.segment, self.action, self.click = segment, action, click
        self.chances = [float(chance) for chance in policy[hour, segment]]
        self.weight = self.chances[action] / propensity


def random_log(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, list[Row]]:
    """Columns, segments, a policy that changes by hour, and the same as rows."""
    rng = np.random.default_rng(seed)
    columns = {
        "action": rng.integers(0, ITEMS, n),
        "propensity": rng.uniform(0.2, 1.0, n),
        "click": rng.integers(0, 2, n),
        "hour": rng.integers(0, 24, n),
    }
    segment = rng.integers(0, SEGMENTS, n)
    policy = rng.dirichlet(np.ones(ITEMS), size=(24, SEGMENTS))
    names = ("hour", "segment", "action", "propensity", "click")
    each = zip(*({**columns, "segment": segment}[name].tolist() for name in names), strict=True)
    return columns, segment, policy, [Row(*row, policy) for row in each]


def model(rows: Sequence[Row], segment: int, action: int) -> float:
    """Clicks per row of a cell, drawn towards its item's rate, and that towards the rate of all, by 100 rows each."""
    item = [row for row in rows if row.action == action]
    cell = [row for row in item if row.segment == segment]
    overall = sum(row.click for row in rows) / max(len(rows), 1)
    of_item = (sum(row.click for row in item) + 100 * overall) / (len(item) + 100)
    return (sum(row.click for row in cell) + 100 * of_item) / (len(cell) + 100)


def interval(terms: Sequence[tuple[float, ...]], statistic: Callable[..., float]) -> tuple[float, float, float]:
    """A statistic of the columns' sums, and its 5 % and 95 % quantiles over 1,000 draws of rows (each a block here)."""
    n = len(terms)
    drawn = np.random.default_rng(0).multinomial(n, [1 / n] * n, size=1000)
    sums = [[sum(times * row[i] for times, row in zip(draw, terms, strict=True)) for i in range(len(terms[0]))]
            for draw in [[1] * n, *drawn.tolist()]]  # fmt: skip
    values = [statistic(*each) for each in sums]
    return values[0], *np.quantile(values[1:], [0.05, 0.95]).tolist()


def by_hand(rows: list[Row]) -> dict[str, tuple[float, float, float]]:
    """All estimators with bootstrapped intervals; the reward model of a row is fitted on the rows of the other fold."""
    n, terms = len(rows), []
    for number, row in enumerate(rows):
        others = rows[1 - number % 2 :: 2]
        direct = sum(chance * model(others, row.segment, item) for item, chance in enumerate(row.chances))
        residual = row.weight * (row.click - model(others, row.segment, row.action))
        kept = residual if row.weight <= n**0.5 else 0.0
        terms.append((row.weight, row.weight * row.click, direct, residual, kept))
    return {
        "snips": interval(terms, lambda w, wr, d, e, k: wr / w),
        "dm": interval(terms, lambda w, wr, d, e, k: d / n),
        "dr": interval(terms, lambda w, wr, d, e, k: (d + e) / n),
        "sndr": interval(terms, lambda w, wr, d, e, k: d / n + e / w),
        "switch-dr": interval(terms, lambda w, wr, d, e, k: (d + k) / n),
    }


def evaluate(log: dict[str, np.ndarray], segment: np.ndarray, policies: dict[str, np.ndarray]) -> tuple[Estimate, ...]:
    return off_policy.evaluate(log, segment, policies, np.random.default_rng(0))


def estimates(n: int, seed: int = 0) -> tuple[dict[str, Estimate], list[Row]]:
    columns, segment, policy, rows = random_log(n, seed)
    found = evaluate(columns, segment, {"candidate": policy})
    return {each.estimator: each for each in found if each.policy == "candidate"}, rows


@pytest.mark.parametrize("n", [1, 2, 3, 9, 40])
@pytest.mark.parametrize("seed", range(2))
def test_the_estimators_are_the_papers_sums(n: int, seed: int) -> None:
    """Value and both ends of the interval of each estimator, on logs from one row on."""
    found, rows = estimates(n, seed)
    for estimator, interval in by_hand(rows).items():
        each = found[estimator]
        assert (each.value, each.low, each.high) == pytest.approx(interval), estimator
    assert found["ips"].value == pytest.approx(statistics.fmean(row.weight * row.click for row in rows))


@pytest.mark.parametrize("n", [1, 2, 3, 60])
def test_every_estimate_stands_beside_what_it_rests_on(n: int) -> None:
    """Effective rows and clicks, the largest weight, and the mean weight with its standard error."""
    found, rows = estimates(n, seed=3)
    weights, clicked = [row.weight for row in rows], [row.weight * row.click for row in rows]
    squares = sum(w * w for w in clicked)
    expected = {
        "row_ess": sum(weights) ** 2 / sum(w * w for w in weights),
        "click_ess": sum(clicked) ** 2 / squares if squares else 0.0,
        "largest_weight_share": max(weights) / sum(weights),
        "mean_weight": sum(weights) / n,
        "mean_weight_error": statistics.stdev(weights) / n**0.5 if n > 1 else 0.0,
    }
    assert set(found) == {"ips", "snips", "dm", "dr", "sndr", "switch-dr", "non-inferiority"}
    for each in found.values():
        assert {name: getattr(each, name) for name in expected} == pytest.approx(expected)


def test_switch_dr_keeps_a_weight_of_the_square_root_of_the_rows_and_drops_a_larger_one() -> None:
    """Four rows with weights of exactly 2 are kept, so that SWITCH-DR is DR; with 2.5 only the model is left."""
    log = {"action": np.zeros(4, int), "click": np.array([1, 0, 0, 1]), "hour": np.zeros(4, int)}
    policy = np.broadcast_to(np.array([1.0, 0.0]), (24, 1, 2)).copy()
    for propensity, same in ((0.5, True), (0.4, False)):
        rows = log | {"propensity": np.full(4, propensity)}
        found = {e.estimator: e for e in evaluate(rows, np.zeros(4, int), {"candidate": policy})}
        assert (found["switch-dr"].low == found["dr"].low) is same


def test_the_logging_policy_rests_on_every_row() -> None:
    """Its weights are all 1: effective rows and clicks are the rows and clicks, and no row weighs more than another."""
    columns, segment, policy, rows = random_log(40)
    first = evaluate(columns, segment, {"candidate": policy})[0]
    assert (first.policy, first.row_ess, first.click_ess) == ("logging", 40.0, sum(row.click for row in rows))
    assert (first.largest_weight_share, first.mean_weight, first.mean_weight_error) == (1 / 40, 1.0, 0.0)
    assert (first.low, first.high) == clopper_pearson(first.click_ess, 40, 0.05)  # each side of a 90 % interval


def test_only_the_policy_under_test_is_compared_with_the_logging_policy() -> None:
    """A baseline has estimates and no bet."""
    columns, segment, policy, _ = random_log(20)
    found = evaluate(columns, segment, {"uniform": policy, "candidate": policy})
    assert [e.policy for e in found if e.estimator == "non-inferiority"] == ["candidate"]
    assert [e.policy for e in found if e.log_wealth is not None] == ["candidate"]


# ------------------------------------------------------------ the paired bet


def wealth_by_hand(values: Sequence[float], m: float, floor: float) -> float:
    """K of the rows one after another, each a block; the stake on a row knows the rows before it."""
    wealth, total, squares = 1.0, 0.0, 0.25
    for count, value in enumerate(values, start=1):
        mean = total / count
        variance = squares / count - mean**2
        stake = min(max((mean - m) / (variance + (mean - m) ** 2), 0.0), 0.75 / (m + floor))
        wealth *= 1 + stake * (value - m)
        total += value
        squares += value**2
    return wealth


def sparse(values: np.ndarray) -> SparseValues:
    """Values of which those that are 0 are left out."""
    places = np.flatnonzero(values)
    return SparseValues(len(values), places, values[places])


def non_inferiority(weight: np.ndarray, click: np.ndarray, bound: float, alpha: float) -> sparse_bets.PairedBet:
    places = np.flatnonzero(click)
    return sparse_bets.non_inferiority(SparseValues(len(click), places, weight[places]), bound, alpha)


@pytest.mark.parametrize("m", [-0.3, 0.0, 0.2])
def test_the_wealth_is_the_product_of_its_rows_zeros_included(m: float) -> None:
    """150 rows, two thirds of them zero and each a block of its own, against H0 on either side of 0 and at 0."""
    rng = np.random.default_rng(7)
    values = np.where(rng.random(150) < 0.3, rng.uniform(-0.5, 2.0, 150), 0.0)
    assert sparse(values).log_wealth(m, 0.95) == pytest.approx(math.log(wealth_by_hand(values.tolist(), m, 0.95)))


def test_the_stake_on_a_block_knows_the_blocks_before_it() -> None:
    """Of 600 rows three are a block: the wealth is that of rows whose stake is only renewed at every third."""
    rng = np.random.default_rng(8)
    values = np.where(rng.random(600) < 0.3, rng.uniform(-0.5, 2.0, 600), 0.0)
    wealth, stake = 0.0, 0.0
    for row, value in enumerate(values):
        if row % 3 == 0:
            mean = values[:row].sum() / (row + 1)
            variance = (0.25 + (values[:row] ** 2).sum()) / (row + 1) - mean**2
            stake = min(max((mean - 0.1) / (variance + (mean - 0.1) ** 2), 0.0), 0.75 / 1.05)
        wealth += math.log1p(stake * (value - 0.1))
    assert sparse(values).log_wealth(0.1, 0.95) == pytest.approx(wealth)


def test_the_interval_of_ips_is_where_both_bets_are_enough() -> None:
    """At the lower bound the wealth is 1/alpha but for a millionth, at the upper bound that of the mirrored bet."""
    rng = np.random.default_rng(3)
    values = sparse(np.where(rng.random(3000) < 0.1, rng.uniform(0, 4, 3000), 0.0))
    mean, low, high = sparse_bets.interval(values, 4.0, 0.05)
    assert 0 < low < mean < high < 4
    needed, mirrored = -math.log(0.05), values.mirrored()
    assert values.log_wealth(low, 0.0) >= needed > values.log_wealth(low + 1e-6, 0.0)
    assert mirrored.log_wealth(-high, 4.0) >= needed > mirrored.log_wealth(1e-6 - high, 4.0)


def test_a_log_without_a_click_has_an_interval_from_0() -> None:
    """No click: the value and the lower bound are 0, and the upper bound falls with the rows."""
    ends = [sparse_bets.interval(sparse(np.zeros(n)), 2.0, 0.05) for n in (1000, 100000)]
    assert [(value, low) for value, low, _ in ends] == [(0.0, 0.0)] * 2
    assert 0.1 > ends[0][2] > ends[1][2] > 0


@pytest.mark.parametrize(("bound", "floor_against"), [(3.0, 2.05), (1.2, 0.95)])
def test_the_paired_bet_is_the_product_of_its_rows(bound: float, floor_against: float) -> None:
    """Both wealths by hand, with every row a click, so that the stakes come to their limit."""
    weight = np.random.default_rng(1).uniform(0.0, min(bound, 2.5), 40)
    found = non_inferiority(weight, np.ones(40), bound, 0.05)
    difference = (weight - 0.95).tolist()
    assert found.value == pytest.approx(statistics.fmean(difference))
    assert found.log_wealth == pytest.approx(math.log(wealth_by_hand(difference, 0.0, 0.95)))
    against = [-each for each in difference]
    assert found.log_wealth_against == pytest.approx(math.log(wealth_by_hand(against, 0.0, floor_against)))


@pytest.mark.parametrize("alpha", [0.05, alpha_for(2)])
def test_the_bounds_of_the_paired_bet_are_where_its_wealth_is_enough(alpha: float) -> None:
    """At the lower bound the wealth is 1/alpha but for a millionth, at the upper bound that of the mirrored bet."""
    rng = np.random.default_rng(2)
    weight, click = rng.uniform(0.0, 3.0, 400), (rng.random(400) < 0.3).astype(float)
    found = non_inferiority(weight, click, 3.0, alpha)
    difference, needed = (weight - 0.95) * click, -math.log(alpha)
    above, below = sparse(difference), sparse(-difference)
    assert above.log_wealth(found.low, 0.95) >= needed > above.log_wealth(found.low + 1e-6, 0.95)
    assert below.log_wealth(-found.high, 2.05) >= needed > below.log_wealth(1e-6 - found.high, 2.05)
    assert found.low < found.value < found.high


def test_a_policy_that_never_shows_what_was_clicked_has_the_least_bound() -> None:
    """Every row a click and no weight: each difference is the least there can be, and nothing is divided by zero."""
    found = non_inferiority(np.zeros(50), np.ones(50), 2.0, 0.05)
    assert (found.value, found.low) == (pytest.approx(-0.95), -0.95)
    assert found.high < 0 and found.log_wealth == 0.0 and found.log_wealth_against > -math.log(0.05)


def test_the_largest_weight_of_the_mirrored_bet_is_that_of_the_log() -> None:
    """The policy's largest probability over the log's smallest propensity, whichever rows they are on."""
    columns, segment, policy, rows = random_log(200, seed=5)
    found = {e.estimator: e for e in evaluate(columns, segment, {"candidate": policy})}["non-inferiority"]
    bound = policy.max() / columns["propensity"].min()
    difference = [-(row.weight - 0.95) * row.click for row in rows]
    assert found.log_wealth_against == pytest.approx(math.log(wealth_by_hand(difference, 0.0, bound - 0.95)))
    assert found.value == pytest.approx(-statistics.fmean(difference))
    assert found.low < found.value < found.high


# ------------------------------------------------------------ what cannot be evaluated


@pytest.mark.parametrize("shape", [(24, 6), (23, 2, 3), (24, 2, 3, 1), (6,)])
def test_a_policy_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """The message gives the shape, and the one that is wanted."""
    columns, segment, _, _ = random_log(10)
    with pytest.raises(InvalidLog) as refused:
        evaluate(columns, segment, {"mine": np.full(shape, 1 / shape[-1])})
    assert str(refused.value) == f"policy 'mine' has shape {shape}: give [24, segments, items]"


def test_negative_chances_are_refused_even_where_they_sum_to_one() -> None:
    """1.5 and -0.5 are no probabilities."""
    columns, segment, policy, _ = random_log(10)
    policy[:] = [1.5, -0.5, 0.0]
    with pytest.raises(InvalidLog, match="policy 'mine' is not a probability"):
        evaluate(columns, segment, {"mine": policy})


@pytest.mark.parametrize(("column", "bad", "rule"), [
    ("segment", -1, "be one that policy 'mine' has"),
    ("segment", SEGMENTS, "be one that policy 'mine' has"),
    ("action", -1, "be an item that policy 'mine' has"),
    ("action", ITEMS, "be an item that policy 'mine' has"),
    ("hour", -1, "lie in 0 to 23"),
    ("hour", 24, "lie in 0 to 23"),
    ("propensity", 0.0, "lie in (0, 1]"),
    ("propensity", 1.01, "lie in (0, 1]"),
    ("click", -1, "be 0 or 1"),
])  # fmt: skip
def test_a_row_that_cannot_be_is_named_with_its_rule(column: str, bad: float, rule: str) -> None:
    """The first such row, on either side of what is allowed."""
    columns, segment, policy, _ = random_log(10)
    columns = columns | {"segment": segment}
    columns[column][4] = bad
    columns[column][7] = bad
    with pytest.raises(InvalidLog) as refused:
        evaluate(columns, columns["segment"], {"mine": policy})
    assert str(refused.value) == f"{column} of row 4 must {rule}: correct the log or ingest it again"


def test_what_is_just_allowed_is_evaluated() -> None:
    """The first and the last hour, segment and item, and a propensity of 1."""
    log = {"action": np.array([0, 2]), "propensity": np.ones(2), "click": np.array([0, 1]), "hour": np.array([0, 23])}
    policy = np.full((24, SEGMENTS, ITEMS), 1 / ITEMS)
    assert evaluate(log, np.array([0, 1]), {"candidate": policy})[1].value == pytest.approx(1 / 6)
