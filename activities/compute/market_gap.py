"""The gap between a run's market and the later part of a log: quantity by quantity (docs/history.md).

Touch this when another kind of log can be compared with a market.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gaelp.arrays import I8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import WIN_RATES, LogKind, Quantity
from gaelp.evidence.history import logged_quantities
from gaelp.evidence.history.logged_quantities import Logged
from gaelp.market.calibration import simulated_quantities
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.calibration.market_log import sold_auctions
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.log_replay import GapEvidence, PreparedLog
from gaelp.money import micros

Simulated = dict[Quantity, float]


def measure_gap(
    log: PreparedLog, rows: Mapping[str, Array], market: MarketParameters, config: TrainingConfiguration
) -> tuple[GapEvidence, ...]:
    """Every quantity that both the market and the later rows of the log know.

    Nothing where no row is later, or a report has too few later days for an interval.
    """
    if not log.rows:
        return ()
    markets = (market, calibrate((), config))
    if log.kind is LogKind.MARKET:
        return _of_market_log(log, rows, markets, config)
    rng = stream(config.seed, "historical", "gap", log.log)
    simulated, assumed = (simulated_quantities.quantities(each) for each in markets)
    if log.kind is LogKind.REPORT:
        if len(np.unique(rows["day"][log.earlier :])) < logged_quantities.FEWEST_DAYS:
            return ()
        logged = logged_quantities.of_report(rows, log.earlier, config.economics.lag_days, rng)
        if set(rows["currency"].tolist()) - {config.currency, ""}:
            logged = tuple(each for each in logged if each.quantity is not Quantity.CLICK_COST)
        return _joined(log.log, logged, (simulated, assumed), 1e-6, config.currency)
    segment = market.segmentation.assign(rows["user_features"])
    simulated[Quantity.CLICK_RATE] = simulated_quantities.click_rate_of_shown(market, segment, rows["action"])
    both = [each | _hours(of, rows["time_us"]) for each, of in zip((simulated, assumed), markets, strict=True)]
    return _joined(log.log, logged_quantities.of_impressions(rows, rng), (both[0], both[1]), 1.0, "")


def _of_market_log(
    log: PreparedLog,
    rows: Mapping[str, Array],
    markets: tuple[MarketParameters, MarketParameters],
    config: TrainingConfiguration,
) -> tuple[GapEvidence, ...]:
    """Prices are compared in the account's currency, in which the median of the earlier prices is the market's."""
    sold = sold_auctions(rows, config.historical.calibration_share, config.market.segments)
    unit = sold.unit_micros(max(micros(config.market.price_median), 1))
    ranked = np.sort(sold.price)
    bids = {share: int(ranked[int((len(ranked) - 1) * share)]) for share in WIN_RATES}
    logged = logged_quantities.of_auctions(rows, log.earlier, bids, stream(config.seed, "historical", "gap", log.log))
    both = [
        simulated_quantities.quantities(each)
        | simulated_quantities.win_rates(each, {share: (bid + 0.5) * unit for share, bid in bids.items()})
        | _hours(each, rows["time_us"][log.earlier :])
        for each in markets
    ]
    return _joined(log.log, logged, (both[0], both[1]), unit / 1000 / 1e6, config.currency)


def _hours(market: MarketParameters, time_us: I8) -> Simulated:
    if not len(time_us) or time_us.min() < 0:
        return {}
    slots, logged = logged_quantities.hour_slots(time_us), logged_quantities.hours_of_day(time_us)
    return {Quantity.HOURS: simulated_quantities.hours_in_common(market, slots, logged)}


def _joined(
    log: str, logged: Logged, markets: tuple[Simulated, Simulated], unit: float, currency: str
) -> tuple[GapEvidence, ...]:
    """`unit` is what 1 in the log's costs is in the account's currency; the markets' costs are micros."""
    found = []
    for each in logged:
        scale, own = (unit, 1e-6) if each.quantity is Quantity.CLICK_COST else (1.0, 1.0)
        found.append(
            GapEvidence(
                log=log,
                quantity=each.quantity,
                unit=currency if each.quantity is Quantity.CLICK_COST else "",
                logged=each.value * scale,
                low=each.low * scale,
                high=each.high * scale,
                events=each.events,
                simulated=markets[0][each.quantity] * own,
                assumed=markets[1][each.quantity] * own,
            )
        )
    return tuple(found)
