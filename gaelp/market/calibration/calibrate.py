"""The market's parameters from bandit and market logs, or made up where there are none.

What is measured: segments and their shares, the level of CTR and what heterogeneity the clicks support, the hourly
curve; of a market log also how prices are spread. What is stated: the median price and the traffic (`config.market`),
without a market log the spread of prices too, conversions (`config.economics`), and a floor for the spread between
creatives (`config.market.creative_spread`). Touch this when logs can say more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from gaelp.arrays import F8, I8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.market_sections import Economics
from gaelp.market.auctions import price_curves
from gaelp.market.audience import segments
from gaelp.market.audience.segments import Segmentation
from gaelp.market.calibration import calibration_window, shrinkage
from gaelp.market.calibration.calibration_window import CalibrationError as CalibrationError
from gaelp.market.calibration.market_log import SoldAuctions, sold_auctions
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.money import micros

SYNTHETIC_CTR = 0.004
SYNTHETIC_FEATURES = 4
CVR_SPREAD = 0.15  # log standard deviation of conversions per click between cells
PRICE_SPREAD_BETWEEN_SEGMENTS = 0.1  # log standard deviation of the median price
FEATURE_SHARE = 0.4  # share of the added creative variance that the candidates' features explain
CELL_SHARE = 0.2  # share of it that is a segment's own taste


@dataclass(frozen=True)
class Measured:
    """What bandit logs say of a market: S segments, K candidates."""

    rows: I8  # [S, K] impressions
    clicks: I8  # [S, K]
    ctr: F8  # [S, K] shrunken clicks per impression
    share: F8  # [S] of the traffic
    hourly: F8  # [168] relative traffic, mean 1
    candidates: Array  # f4[K, G]
    segmentation: Segmentation

    @property
    def level(self) -> float:
        """Clicks per impression over the traffic, all candidates alike: what `market.click_rate` sets."""
        return float(np.average(self.ctr.mean(axis=1), weights=self.share))


@dataclass(frozen=True)
class _Base:
    """What a market begins with: S segments, K candidates."""

    ctr: F8  # [S, K] clicks per impression
    share: F8  # [S] of the traffic
    hourly: F8  # [168] relative traffic, mean 1
    candidates: Array  # f4[K, G]
    segmentation: Segmentation


def calibrate(logs: Sequence[Mapping[str, Array]], config: TrainingConfiguration) -> MarketParameters:
    """The market of the earlier share of each bandit log and of a market log; without logs a synthetic one.

    `logs` are whole: the earlier `config.historical.calibration_share` of each is taken here, by time, and nothing
    later is read. Segments, creatives, click rates and hours are the bandit logs', where there are any, and prices the
    market log's, where there is one. Raises CalibrationError, also for several market logs: each has prices in a unit
    of its own that it does not name, so that they cannot be put together.
    """
    priced = [log for log in logs if "market_price" in log]
    if len(priced) > 1:
        raise CalibrationError(
            f"{len(priced)} of the logs are market logs, and a market has the prices of one, because a log does not "
            "say what 1 in its prices is: ingest files whose prices are in one unit as one file, or name one market "
            "log only"
        )
    market_log = priced[0] if priced else None
    share, most = config.historical.calibration_share, config.market.segments
    sold = None if market_log is None else sold_auctions(market_log, share, most)
    shown = [log for log in logs if "market_price" not in log]
    if shown:
        found = measured(shown, config)
        base = _Base(found.ctr, found.share, found.hourly, found.candidates, found.segmentation)
    else:
        base = _synthetic(config) if sold is None else _of_sold(sold, config)
    return _assembled(base, config, sold)


def measured(logs: Sequence[Mapping[str, Array]], config: TrainingConfiguration) -> Measured:
    """What the earlier share of each bandit log says, nothing assumed yet; one or more. Raises CalibrationError."""
    logged = [
        calibration_window.earlier(log, config.historical.calibration_share, f"bandit log {index + 1}")
        | {"candidate_features": np.asarray(log["candidate_features"])}
        for index, log in enumerate(logs)
    ]
    candidates = calibration_window.common_candidates(logged)
    users = np.concatenate([log["user_features"] for log in logged]).astype(np.str_)
    segmentation = segments.choose(users, config.market.segments)
    segment, count = segmentation.assign(users), len(segmentation.values) + 1
    action = np.concatenate([log["action"] for log in logged]).astype(np.int64)
    click = np.concatenate([log["click"] for log in logged]).astype(np.int64)
    rows = calibration_window.counts(segment, action, None, count, len(candidates))
    clicks = calibration_window.counts(segment, action, click, count, len(candidates))
    share = (rows.sum(axis=1) + 1.0) / (rows.sum() + len(rows))
    hourly = calibration_window.hourly(logged)
    return Measured(rows, clicks, shrinkage.click_rates(rows, clicks), share, hourly, candidates, segmentation)


def world_seed(candidates: Array) -> int:
    """Key of what is assumed and not measured: the items themselves, and not the run's root seed.

    A root seed repeats or varies what an agent goes through, never which of the items people like: a run with another
    seed trains for the same audience, and so does the platform emulator that was given the same log.
    """
    return int.from_bytes(
        hashlib.blake2b(np.ascontiguousarray(candidates, np.float32).tobytes(), digest_size=7).digest(), "big"
    )


def click_value_micros(economics: Economics) -> int:
    """Contribution of an average click in micros: conversion rate x order value x margin x (1 - refunds)."""
    contribution = economics.margin * (1.0 - economics.refund_rate) * micros(economics.order_value)
    return round(economics.conversion_rate * contribution)


def _assembled(base: _Base, config: TrainingConfiguration, sold: SoldAuctions | None) -> MarketParameters:
    ctr, share, candidates = base.ctr, base.share, base.candidates
    assumed = world_seed(candidates)
    rng = stream(assumed, "calibration", "heterogeneity")
    economics, market = config.economics, config.market
    features = _standard(np.asarray(candidates, np.float64).T).T
    spread = CVR_SPREAD * _normal_scores(rng.normal(size=ctr.shape))
    rates = np.exp(spread - np.log(np.mean(np.exp(spread)))) * economics.conversion_rate
    level = float(max(micros(market.price_median), 1))
    medians = level * np.exp(PRICE_SPREAD_BETWEEN_SEGMENTS * _normal_scores(rng.normal(size=len(ctr))))
    assumed_prices = price_curves.lognormal(medians, np.full(len(ctr), market.price_spread))
    ctr = _with_spread(ctr, market.creative_spread, features, stream(assumed, "calibration", "creatives"))
    return MarketParameters(
        ctr=_at_level(ctr, share, market.click_rate),
        cvr=np.clip(rates, 0.0, 1.0),
        order_value_micros=micros(economics.order_value),
        margin=economics.margin,
        refund_rate=economics.refund_rate,
        prices=assumed_prices if sold is None else sold.prices(len(ctr), level, base.hourly),
        reserve_micros=float(micros(market.reserve_price)),
        first_price=market.auction == "first-price",
        rivals=market.rivals,
        organic_share=market.organic_share,
        order_spread=market.order_spread,
        hourly=base.hourly,
        auctions_per_hour=market.hourly_auctions * share,
        lag_days=economics.lag_days,
        window_days=float(economics.attribution_window_days),
        day_shock=market.day_shock,
        segment_features=np.concatenate([np.eye(len(ctr)), share[:, None]], axis=1).astype(np.float32),
        candidate_features=candidates.astype(np.float32),
        segmentation=base.segmentation,
    )


def _with_spread(ctr: F8, floor: float, features: F8, rng: np.random.Generator) -> F8:
    """CTR whose log has at least the standard deviation `floor` between creatives in every segment.

    Honest shrinkage of 40 clicks says almost no heterogeneity, and a world without any leaves nothing to learn. So
    the missing variance is drawn (part by the candidates' features, part a creative's own, part a segment's taste)
    and each segment's mean CTR is kept. A stated assumption, not a measurement.
    """
    if ctr.shape[1] < 2:
        return ctr
    creative = np.sqrt(FEATURE_SHARE) * _standard(features @ rng.normal(size=features.shape[1]))
    creative = creative + np.sqrt(1 - FEATURE_SHARE - CELL_SHARE) * rng.normal(size=ctr.shape[1])
    drawn = _normal_scores(creative + np.sqrt(CELL_SHARE) * rng.normal(size=ctr.shape))
    log_ctr = np.log(ctr)
    deviation = log_ctr - log_ctr.mean(axis=1, keepdims=True)
    missing = np.sqrt(np.maximum(floor**2 - deviation.var(axis=1, keepdims=True), 0.0))
    spread = deviation + missing * drawn
    wide = np.exp(spread * np.maximum(1.0, floor / np.maximum(spread.std(axis=1, keepdims=True), 1e-9)))
    return np.asarray(np.minimum(wide * ctr.mean(axis=1, keepdims=True) / wide.mean(axis=1, keepdims=True), 0.5))


def _at_level(ctr: F8, share: F8, level: float | None) -> F8:
    """CTR whose mean over the traffic, all creatives alike, is `level`; as it is where that is none."""
    if level is None:
        return ctr
    # A rate near 1 may not rise any more, so the others rise in its place until the mean is met.
    for _ in range(50):
        ctr = np.minimum(ctr * (level / np.average(ctr.mean(axis=1), weights=share)), 1.0)
    return ctr


def _standard(values: F8) -> F8:
    """Mean 0 and standard deviation 1 over the last axis; zeros where nothing varies."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=-1, keepdims=True), 1e-9))


def _normal_scores(values: F8) -> F8:
    """Standard normal quantiles of the ranks over the last axis.

    The draw then decides which cell is good, not how good the best one is: one lucky draw out of 80 would make a
    world twice as rich as the next one.
    """
    rank = values.argsort(axis=-1).argsort(axis=-1)
    return _standard(np.asarray(ndtri((rank + 0.5) / values.shape[-1])))


def _synthetic(config: TrainingConfiguration) -> _Base:
    """A market without logs: level, shares, a daily wave, random item features; the same for every root seed."""
    rng = stream(0, "calibration", "synthetic")
    count = config.market.segments
    ctr = (
        SYNTHETIC_CTR
        * np.exp(0.1 * _normal_scores(rng.normal(size=count)))[:, None]
        * np.ones((1, config.market.creatives))
    )
    share = rng.dirichlet(np.full(count, 8.0))
    hour = np.arange(168) % 24
    hourly = 1.0 - 0.6 * np.cos(2 * np.pi * (hour - 3) / 24)
    features = rng.normal(size=(config.market.creatives, SYNTHETIC_FEATURES))
    segmentation = Segmentation(0, tuple(f"segment-{index}" for index in range(count - 1)))
    return _Base(ctr, share, hourly / hourly.mean(), features, segmentation)


def _of_sold(sold: SoldAuctions, config: TrainingConfiguration) -> _Base:
    """A market log alone: what it does not know, its clicks or its creatives, is as without a log."""
    count = len(sold.creatives) or config.market.creatives
    features = np.eye(count) if sold.creatives else _synthetic(config).candidates
    level = np.full((len(sold.share), 1), SYNTHETIC_CTR) if sold.ctr is None else sold.ctr
    return _Base(np.broadcast_to(level, (len(level), count)), sold.share, sold.hourly, features, sold.segmentation)
