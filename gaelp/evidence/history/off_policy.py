"""Off-policy estimates of a policy's click rate from a bandit log.

Weights are w_i = policy[position_i, hour_i, segment_i, action_i] / propensity_i, r_i is the click, q the reward model.
Sources: IPS and SNIPS, Swaminathan & Joachims 2015; DR, Dudik et al. 2011; SNDR, its self-normalised form, Thomas &
Brunskill 2016; SWITCH-DR, Wang et al. 2017, with the threshold sqrt(n) of Ionides 2008: a row whose weight is above it
uses only the reward model, so that the bias of the estimate vanishes as n grows.

The rows are read once for each policy, block by block, and only sums of blocks and the weights of clicks are kept. The
interval of IPS is a bet (sparse_bets.py); those of the others are block bootstraps, because their numerators and
denominators, and neighbouring rows, depend on each other. Touch this to change an estimator or its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from gaelp.arrays import F8, I8, Array
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.history import bandit_rows, sparse_bets
from gaelp.evidence.history.bandit_rows import HOURS, BanditRows
from gaelp.evidence.history.bandit_rows import InvalidLog as InvalidLog
from gaelp.evidence.history.sparse_bets import SparseValues
from gaelp.messages.log_replay import Estimate, PairedDifference

Interval = tuple[float, float, float]
"""An estimate with the lower and the upper end of its 90 % interval."""

TAIL = 0.05  # each side of a 90 % interval
STRENGTH = 100.0  # rows that a prior mean is worth in the reward model
DRAWS = 1000  # of the bootstrap
TESTED = "candidate"  # the name under which replays file the policy of the agent under test
LOGGING = "logging"
REPLAYED = "replay"  # the estimator of bids on a market log
FOLDS = 2
SHOWN = 30  # effective rows of an item from which on its share is compared with its propensities


def evaluate(
    log: Mapping[str, Array], segment: I8, policies: Mapping[str, F8], rng: np.random.Generator
) -> tuple[Estimate, ...]:
    """On-policy value of the logging policy, then IPS, SNIPS, DM, DR, SNDR and SWITCH-DR of each policy.

    All with 90 % intervals; `rng` draws the bootstrap's blocks. `log` has action, propensity, click and hour [N], and
    position where it has positions; `segment` i8[N]; policies f8[24, S, K] or f8[P, 24, S, K]. The policy named TESTED
    also gets the paired non-inferiority bet (docs/gates.md, criterion 5b). Raises InvalidLog.
    """
    return evaluate_paired(log, segment, policies, rng)[0]


def evaluate_paired(
    log: Mapping[str, Array], segment: I8, policies: Mapping[str, F8], rng: np.random.Generator
) -> tuple[tuple[Estimate, ...], tuple[PairedDifference, ...]]:
    """The same, and by SNIPS how much more the policy named TESTED has than each other one and than the logging policy.

    A difference is resampled as a whole: both policies on the same blocks of rows.
    """
    rows = bandit_rows.read(log, segment)
    estimates = [on_policy(rows)]
    blocks = len(bandit_rows.block_edges(len(rows))) - 1
    drawn = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=DRAWS).astype(np.float64)
    times = np.vstack([np.ones(blocks), drawn])
    ratios = {LOGGING: _logged(rows, times)}
    models: dict[tuple[int, int], F8] = {}
    for name, policy in policies.items():
        whole = bandit_rows.whole_policy(name, policy, rows)
        sizes = whole.shape[2], whole.shape[3]
        if sizes not in models:
            models[sizes] = reward_model(rows, *sizes)
        weighted = _summed(rows, whole, models[sizes])
        values = _ratios(weighted.sums, times)
        estimates += _estimates(name, weighted, values)
        ratios[name] = values["snips"]
    tested = ratios.get(TESTED)
    others = {} if tested is None else {name: tested - each for name, each in ratios.items() if name != TESTED}
    return tuple(estimates), tuple(_difference(name, each) for name, each in others.items())


def _logged(rows: BanditRows, times: F8) -> F8:
    """The logging policy's click rate where each block counts as often as `times` says, f8[D]."""
    sums = np.array([(len(block), float(block.click.sum())) for block in rows.blocks()])
    total, clicks = (times @ each for each in sums.T)
    return _ratio(clicks, total)


def _difference(name: str, values: F8) -> PairedDifference:
    low, high = np.quantile(values[1:], [TAIL, 1 - TAIL])
    return PairedDifference(policy=name, value=float(values[0]), low=float(low), high=float(high))


def randomised_p(log: Mapping[str, Array]) -> float | None:
    """Chi-square p-value of how often each item was shown against the propensities of a log; None for too few rows.

    Were propensities true, the sum of 1/p over the rows that showed an item would be the number of rows n in the mean.
    Its variance is estimated as n times the sum of (1/p)(1/p - 1) over the sum of 1/p. Items of which fewer than SHOWN
    rows are effective are left out.
    """
    from scipy.special import chdtrc  # the tail of chi squared; a report reads this module's constants and waits

    action, inverse = log["action"], 1 / log["propensity"]
    total, squares, excess = (np.bincount(action, each) for each in (inverse, inverse**2, inverse * (inverse - 1)))
    counted = (total**2 >= SHOWN * squares) & (excess > 0)
    if counted.sum() < 2:
        return None
    variance = action.size * excess[counted] / total[counted]
    return float(chdtrc(int(counted.sum()), ((total[counted] - action.size) ** 2 / variance).sum()))


def on_policy(rows: BanditRows) -> Estimate:
    """Click rate of the logging policy itself, with its Clopper-Pearson interval."""
    n, clicks = len(rows), float(rows.click.sum())
    low, high = clopper_pearson(clicks, n, TAIL)
    return Estimate(
        estimator="on-policy",
        policy=LOGGING,
        value=clicks / n,
        low=low,
        high=high,
        row_ess=float(n),
        click_ess=clicks,
        largest_weight_share=1 / n,
        mean_weight=1.0,
    )


def reward_model(rows: BanditRows, segments: int, items: int) -> F8:
    """Click rate per (segment, item), f8[2, S, K]: table f is fitted on the rows whose fold is not f.

    Folds are interleaved (row index modulo 2). A cell's mean is drawn towards its item's, that towards the log's.
    """
    size = FOLDS * segments * items
    shown, clicks = np.zeros(size), np.zeros(size)
    start = 0
    for block in rows.blocks():
        cell = _model_cell(block, start, segments, items)
        shown += np.bincount(cell, minlength=size)
        clicks += np.bincount(cell[block.click], minlength=size)
        start += len(block)
    return np.stack([_smoothed(*each) for each in zip(_other(shown, segments), _other(clicks, segments), strict=True)])


def _other(counts: F8, segments: int) -> F8:
    """Of each fold the counts of the other one, [2, S, K]."""
    return counts.reshape(FOLDS, segments, -1)[::-1]


def _smoothed(shown: F8, clicks: F8) -> F8:
    overall = clicks.sum() / max(shown.sum(), 1)
    item = (clicks.sum(axis=0) + STRENGTH * overall) / (shown.sum(axis=0) + STRENGTH)
    cells: F8 = (clicks + STRENGTH * item) / (shown + STRENGTH)
    return cells


def _fold(block: BanditRows, start: int) -> I8:
    return (np.arange(len(block)) + start) % FOLDS


def _model_cell(block: BanditRows, start: int, segments: int, items: int) -> I8:
    return (_fold(block, start) * segments + block.segment) * items + block.action


@dataclass
class _Sums:
    """Sums over the rows of each block, and what is kept of single rows: the weights of clicks."""

    rows: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    squared: list[float] = field(default_factory=list)  # of weights
    clicked: list[float] = field(default_factory=list)  # w r
    direct: list[float] = field(default_factory=list)  # sum over items of policy times q
    residual: list[float] = field(default_factory=list)  # w (r - q)
    kept: list[float] = field(default_factory=list)  # the same of weights up to sqrt(n)

    def arrays(self) -> dict[str, F8]:
        """Each sum as f8[blocks]."""
        return {each.name: np.array(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class _Weighted:
    """One policy's sums over a log."""

    sums: Mapping[str, F8]
    clicks: SparseValues  # weights of the clicks
    largest: float
    bound: float  # the policy's largest probability over the log's smallest propensity


def _summed(rows: BanditRows, policy: F8, model: F8) -> _Weighted:
    """One pass over the rows; policy f8[P, 24, S, K], model f8[2, S, K]."""
    _, _, segments, items = policy.shape
    table, direct = policy.ravel(), np.einsum("phsk,fsk->fphs", policy, model).ravel()
    flat, positions, sums = model.ravel(), len(rows.positions), _Sums()
    places, weights, start, largest, threshold = [], [], 0, 0.0, len(rows) ** 0.5
    for block in rows.blocks():
        context = (block.position.astype(np.int64) * HOURS + block.hour) * segments + block.segment
        weight = table[context * items + block.action] / block.propensity
        predicted = weight * flat[_model_cell(block, start, segments, items)]
        hit = np.flatnonzero(block.click)
        clicked, small = weight[hit], weight <= threshold
        sums.rows.append(len(block))
        sums.weight.append(float(weight.sum()))
        sums.squared.append(float(weight @ weight))
        sums.clicked.append(float(clicked.sum()))
        sums.direct.append(float(direct[_fold(block, start) * (positions * HOURS * segments) + context].sum()))
        sums.residual.append(float(clicked.sum() - predicted.sum()))
        sums.kept.append(float(clicked[small[hit]].sum() - predicted @ small))
        places.append(hit + start)
        weights.append(clicked)
        largest, start = max(largest, float(weight.max())), start + len(block)
    clicks = SparseValues(len(rows), np.concatenate(places), np.concatenate(weights))
    return _Weighted(sums.arrays(), clicks, largest, float(policy.max() / rows.propensity.min()))


def _estimates(name: str, weighted: _Weighted, values: Mapping[str, F8]) -> list[Estimate]:
    rests_on = _rests_on(weighted)

    def estimate(estimator: str, interval: Interval) -> Estimate:
        value, low, high = interval
        return Estimate(estimator=estimator, policy=name, value=value, low=low, high=high, **rests_on)

    estimates = [estimate("ips", sparse_bets.interval(weighted.clicks, weighted.bound, TAIL))]
    for key, each in values.items():
        low, high = np.quantile(each[1:], [TAIL, 1 - TAIL])
        estimates.append(estimate(key, (float(each[0]), float(low), float(high))))
    if name == TESTED:
        bet = sparse_bets.non_inferiority(weighted.clicks, weighted.bound, TAIL)
        wealth = {"log_wealth": bet.log_wealth, "log_wealth_against": bet.log_wealth_against}
        estimates.append(estimate("non-inferiority", (bet.value, bet.low, bet.high)).model_copy(update=wealth))
    return estimates


def _ratios(sums: Mapping[str, F8], times: F8) -> dict[str, F8]:
    """Each estimator where every block counts as often as `times` f8[D, blocks] says, f8[D]."""
    total = {name: times @ each for name, each in sums.items()}
    rows, weight = total["rows"], total["weight"]
    direct = total["direct"] / rows
    return {
        "snips": _ratio(total["clicked"], weight),
        "dm": direct,
        "dr": direct + total["residual"] / rows,
        "sndr": direct + _ratio(total["residual"], weight),
        "switch-dr": direct + total["kept"] / rows,
    }


def _rests_on(weighted: _Weighted) -> dict[str, float]:
    """Effective sample sizes and checks of the weights; all 0 where no logged action could have been the policy's."""
    total, squared = (float(weighted.sums[name].sum()) for name in ("weight", "squared"))
    n, clicked = weighted.clicks.rows, weighted.clicks.value
    variance = max(squared - total**2 / n, 0.0) / (n - 1) if n > 1 else 0.0
    return {
        "row_ess": _share(total**2, squared),
        "click_ess": _share(float(clicked.sum()) ** 2, float((clicked**2).sum())),
        "largest_weight_share": _share(weighted.largest, total),
        "mean_weight": total / n,
        "mean_weight_error": (variance / n) ** 0.5,
    }


def _ratio(over: F8, under: F8) -> F8:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)


def _share(over: float, under: float) -> float:
    return over / under if under > 0 else 0.0
