"""Off-policy estimates of a policy's click rate from a bandit log.

A policy is f8[24, S, K]: the probability of showing item k to segment s at hour h. The log's rows carry the action that
was shown, its propensity and the click. Weights are w_i = policy[hour_i, segment_i, action_i] / propensity_i.

Sources: IPS and SNIPS, Swaminathan & Joachims 2015; DR, Dudik et al. 2011; SWITCH-DR, Wang et al. 2017, with the
threshold sqrt(n) of Ionides 2008: a row whose weight is above it uses only the reward model, so that the bias of the
estimate vanishes as n grows.

Touch this to change an estimator or its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.errors import GaelpError
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.non_inferiority import non_inferiority
from gaelp.messages.log_replay import Estimate

Interval = tuple[float, float, float]
"""An estimate with the lower and the upper end of its 90 % interval."""

HOURS = 24
NORMAL_90 = 1.6448536269514722  # two-sided 90 %
TAIL = 0.05  # each side of a 90 % interval
STRENGTH = 100.0  # rows that a prior mean is worth in the reward model
TESTED = "candidate"  # the name under which replays file the policy of the agent under test
LOGGING = "logging"


class InvalidLog(GaelpError, ValueError):
    """A bandit log or a policy cannot be evaluated; the message names the column and the remedy."""


@dataclass(frozen=True)
class BanditLog:
    """Rows in order of time, all [N]; checked by `read`."""

    hour: I8
    segment: I8
    action: I8
    propensity: F8
    click: F8


@dataclass(frozen=True)
class Diagnostics:
    """What an estimate rests on (docs/gates.md, evidence grades)."""

    row_ess: float
    click_ess: float
    largest_weight_share: float
    mean_weight: float
    mean_weight_error: float


def evaluate(log: Mapping[str, Array], segment: I8, policies: Mapping[str, F8]) -> tuple[Estimate, ...]:
    """On-policy value of the logging policy, then IPS, SNIPS, DR and SWITCH-DR of each policy, with 90 % intervals.

    `log` has action, propensity, click and hour [N]; `segment` i8[N]; policies f8[24, S, K]. The policy named
    TESTED also gets the paired non-inferiority bet (docs/gates.md, criterion 5b). Raises InvalidLog.
    """
    rows = read(log, segment)
    estimates = [on_policy(rows)]
    for name, policy in policies.items():
        check_policy(name, policy, rows)
        estimates += _estimates(name, policy, rows)
    return tuple(estimates)


def read(log: Mapping[str, Array], segment: I8) -> BanditLog:
    """The columns that evaluation needs, as numbers; raises InvalidLog."""
    missing = [name for name in ("action", "propensity", "click", "hour") if name not in log]
    if missing:
        raise InvalidLog(f"the log has no column {', '.join(missing)}: ingest it as a bandit log")
    rows = BanditLog(
        hour=log["hour"].astype(np.int64),
        segment=segment,
        action=log["action"].astype(np.int64),
        propensity=log["propensity"].astype(np.float64),
        click=log["click"].astype(np.float64),
    )
    sizes = {column.size for column in (rows.hour, rows.segment, rows.action, rows.propensity, rows.click)}
    if sizes in ({0}, set()) or len(sizes) != 1:
        raise InvalidLog(f"the log's columns have {sorted(sizes)} rows: give columns of one length above 0")
    _require(((rows.propensity > 0) & (rows.propensity <= 1)), "propensity", "lie in (0, 1]")
    _require(((rows.click == 0) | (rows.click == 1)), "click", "be 0 or 1")
    _require(((rows.hour >= 0) & (rows.hour < HOURS)), "hour", "lie in 0 to 23")
    return rows


def check_policy(name: str, policy: F8, rows: BanditLog) -> None:
    """Raise InvalidLog unless the policy is f8[24, S, K], sums to one over K, and has the log's segments and items."""
    if policy.ndim != 3 or policy.shape[0] != HOURS:
        raise InvalidLog(f"policy {name!r} has shape {policy.shape}: give [24, segments, items]")
    if not np.isfinite(policy).all() or (policy < 0).any() or not np.allclose(policy.sum(axis=2), 1.0):
        raise InvalidLog(f"policy {name!r} is not a probability over items in every hour and segment")
    _require((rows.segment >= 0) & (rows.segment < policy.shape[1]), "segment", f"be one that policy {name!r} has")
    _require((rows.action >= 0) & (rows.action < policy.shape[2]), "action", f"be an item that policy {name!r} has")


def on_policy(rows: BanditLog) -> Estimate:
    """Click rate of the logging policy itself, with its Clopper-Pearson interval."""
    n, clicks = rows.click.size, float(rows.click.sum())
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


def diagnose(weight: F8, click: F8) -> Diagnostics:
    """Effective sample sizes and weight checks; all 0 where no logged action could have been the policy's."""
    total, clicked = float(weight.sum()), weight * click
    n = weight.size
    return Diagnostics(
        row_ess=_ratio(total**2, float((weight**2).sum())),
        click_ess=_ratio(float(clicked.sum()) ** 2, float((clicked**2).sum())),
        largest_weight_share=_ratio(float(weight.max()), total),
        mean_weight=total / n,
        mean_weight_error=float(weight.std(ddof=1)) / n**0.5 if n > 1 else 0.0,
    )


def reward_model(rows: BanditLog, segments: int, items: int) -> F8:
    """Click rate per (segment, item), f8[2, S, K]: table f is fitted on the rows whose fold is not f.

    Folds are interleaved (row index modulo 2). A cell's mean is drawn towards its item's, that towards the log's.
    """
    fold = np.arange(rows.click.size) % 2
    return np.stack([_smoothed(rows, fold != f, segments, items) for f in (0, 1)])


def _smoothed(rows: BanditLog, used: B1, segments: int, items: int) -> F8:
    cell = rows.segment[used] * items + rows.action[used]
    shown = np.bincount(cell, minlength=segments * items).reshape(segments, items)
    clicks = np.bincount(cell, weights=rows.click[used], minlength=segments * items).reshape(segments, items)
    overall = clicks.sum() / max(shown.sum(), 1)
    item = (clicks.sum(axis=0) + STRENGTH * overall) / (shown.sum(axis=0) + STRENGTH)
    cells: F8 = (clicks + STRENGTH * item) / (shown + STRENGTH)
    return cells


def _estimates(name: str, policy: F8, rows: BanditLog) -> list[Estimate]:
    weight = policy[rows.hour, rows.segment, rows.action] / rows.propensity
    diagnostics = diagnose(weight, rows.click)
    fold = np.arange(rows.click.size) % 2
    model = reward_model(rows, policy.shape[1], policy.shape[2])
    direct = np.einsum("hsk,fsk->fhs", policy, model)[fold, rows.hour, rows.segment]
    residual = weight * (rows.click - model[fold, rows.segment, rows.action])
    kept = np.where(weight <= rows.click.size**0.5, residual, 0.0)
    intervals = {
        "ips": _mean(weight * rows.click),
        "snips": _snips(weight, rows.click),
        "dr": _mean(direct + residual),
        "switch-dr": _mean(direct + kept),
    }
    estimates = [_estimate(key, name, interval, diagnostics) for key, interval in intervals.items()]
    return [*estimates, _compared(policy, rows, weight, diagnostics)] if name == TESTED else estimates


def _compared(policy: F8, rows: BanditLog, weight: F8, diagnostics: Diagnostics) -> Estimate:
    """The paired bet of docs/gates.md, criterion 5b.

    The bound on weights is the policy's largest probability over the log's smallest propensity.
    """
    bound = float(policy.max() / rows.propensity.min())
    bet = non_inferiority(weight, rows.click, bound, TAIL)
    estimate = _estimate("non-inferiority", TESTED, (bet.value, bet.low, bet.high), diagnostics)
    return estimate.model_copy(update={"log_wealth": bet.log_wealth, "log_wealth_against": bet.log_wealth_against})


def _estimate(estimator: str, policy: str, interval: Interval, diagnostics: Diagnostics) -> Estimate:
    value, low, high = interval
    return Estimate(
        estimator=estimator,
        policy=policy,
        value=value,
        low=low,
        high=high,
        row_ess=diagnostics.row_ess,
        click_ess=diagnostics.click_ess,
        largest_weight_share=diagnostics.largest_weight_share,
        mean_weight=diagnostics.mean_weight,
        mean_weight_error=diagnostics.mean_weight_error,
    )


def _mean(terms: F8) -> Interval:
    """Mean and its 90 % normal interval, not clipped at 0: an impossible bound is a warning worth seeing."""
    value = float(terms.mean())
    error = float(terms.std(ddof=1)) / terms.size**0.5 if terms.size > 1 else 0.0
    return value, value - NORMAL_90 * error, value + NORMAL_90 * error


def _snips(weight: F8, click: F8) -> Interval:
    """Self-normalised mean with the delta-method interval: variance sum (w (r - v))^2 / (sum w)^2."""
    total = float(weight.sum())
    value = _ratio(float((weight * click).sum()), total)
    error = _ratio(float(((weight * (click - value)) ** 2).sum()) ** 0.5, total)
    return value, value - NORMAL_90 * error, value + NORMAL_90 * error


def _ratio(over: float, under: float) -> float:
    return over / under if under > 0 else 0.0


def _require(good: B1, column: str, rule: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise InvalidLog(f"{column} of row {row} must {rule}: correct the log or ingest it again")
