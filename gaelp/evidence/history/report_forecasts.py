"""Forecasts a day ahead, of a campaign report or a market log's clicks, and how far off they are (docs/gates.md, 5a).

A campaign's value of a day is forecast from earlier days alone: the mean of its last seven, times how the log's days of
that weekday stood to the mean of their week before. Days at the end whose conversions are not all in yet are left out.
Touch this to forecast otherwise or another quantity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from gaelp.arrays import B1, F8, Array
from gaelp.errors import GaelpError
from gaelp.messages.log_replay import ForecastEvidence

WEEK = 7
DAY_US = 86_400_000_000
WEEKS_OF_WEEKDAYS = 4  # before weekdays are told apart
DRAWS = 2000
TAIL = 0.05  # each side of the 90 % interval
LATE = math.log(10)  # lags after which 90 % of the conversions are in
QUANTITIES = {"cost": "clicks", "conversions": "conversions"}
"""What is forecast, and the events that its noise comes from."""


class NoForecast(GaelpError, ValueError):
    """The log supports no forecast; the message says why."""


def forecast_report(
    log: Mapping[str, Array], first: int, lag_days: float, rng: np.random.Generator
) -> tuple[ForecastEvidence, ...]:
    """One forecast evidence for each quantity that the report knows, over its days from `first` on, in days since 1970.

    `log` has day, campaign, clicks, cost_micros, conversions and currency [N]; `rng` draws the weeks of the bootstrap.
    Raises NoForecast where amounts are in two currencies, which are never added, or a row covers several days (`days`).
    """
    if len(currencies := np.unique(log["currency"]).tolist()) > 1:
        raise NoForecast(f"its amounts are in {' and '.join(name or 'no currency' for name in currencies)}")
    if "days" in log and (log["days"] > 1).any():
        raise NoForecast("some of its rows cover more than one day")
    cost = np.where(log["cost_micros"] < 0, np.nan, log["cost_micros"] / 1e6)  # what is not known is below nothing
    known = {"cost": cost, "conversions": log["conversions"], "clicks": log["clicks"]}
    last = int(log["day"].max()) - math.ceil(lag_days * LATE)
    found = []
    for quantity, events in QUANTITIES.items():
        if not np.isfinite(known[quantity]).all():
            continue  # a report that does not know its cost or its conversions supports nothing about them
        value, count = (_by_campaign_and_day(log, np.asarray(known[name], np.float64)) for name in (quantity, events))
        begins = int(log["day"].min())
        forecast = _one_day_ahead(value, begins)
        days = np.arange(value.shape[1]) + begins
        judged = np.isfinite(forecast) & np.isfinite(value) & (days >= first) & (days <= last)
        if judged.any():
            found.append(_evidence(quantity, (value, forecast, count), judged, rng))
    return tuple(found)


def forecast_clicks(log: Mapping[str, Array], earlier: int, rng: np.random.Generator) -> tuple[ForecastEvidence, ...]:
    """The clicks of each day of a market log, given what was won on it, over its whole days after `earlier` rows.

    A day's clicks are forecast from the clicks of the seven days before over their predicted clicks (without predicted
    click rates, over their auctions), times those of the day. Raises NoForecast where times or clicks are unknown.
    """
    time_us, click, pctr = log["time_us"], log["click"], log["pctr"]
    if not len(click) or time_us.min() < 0:
        raise NoForecast("it has no times, and so no days")
    if click.min() < 0:
        raise NoForecast("the clicks of some of its auctions are unknown")
    day = time_us // DAY_US - time_us.min() // DAY_US
    expected = pctr if np.isfinite(pctr).all() and pctr.any() else np.ones(len(click))
    clicks, won = (np.bincount(day, each).astype(np.float64) for each in (click, expected))
    before = [slice(max(0, at - WEEK), at) for at in range(len(clicks))]
    weeks = np.array([[each[part].sum() for part in before] for each in (clicks, won)])
    rate = np.divide(weeks[0], weeks[1], out=np.full(len(clicks), np.nan), where=weeks[1] > 0)
    judged = np.isfinite(rate) & (won > 0) & (np.arange(len(clicks)) > (day[earlier - 1] if earlier else -1))
    if not judged.any():
        raise NoForecast("it has no whole day that is later than what calibrated the market")
    value, forecast = clicks[None], (np.nan_to_num(rate) * won)[None]
    return (_evidence("clicks", (value, forecast, value), judged[None], rng),)


def _by_campaign_and_day(log: Mapping[str, Array], amount: F8) -> F8:
    """Sums f8[campaigns, days]; NaN before its first day and after its last."""
    _, campaign = np.unique(log["campaign"], return_inverse=True)
    day = log["day"] - log["day"].min()
    shape = int(campaign.max()) + 1, int(day.max()) + 1
    sums = np.bincount(campaign * shape[1] + day, amount, minlength=shape[0] * shape[1]).reshape(shape)
    first, last = np.full(shape[0], shape[1]), np.full(shape[0], -1)
    np.minimum.at(first, campaign, day)
    np.maximum.at(last, campaign, day)
    at = np.arange(shape[1])
    return np.where((at >= first[:, None]) & (at <= last[:, None]), sums, np.nan)


def _one_day_ahead(value: F8, begins: int) -> F8:
    """Forecasts f8[campaigns, days]; NaN before a campaign has seven days."""
    forecast, total = np.full_like(value, np.nan), np.nansum(value, axis=0)
    for day in range(WEEK, value.shape[1]):
        forecast[:, day] = value[:, day - WEEK : day].mean(axis=1) * _weekday_factor(total[:day], day)
    return forecast


def _weekday_factor(total: F8, day: int) -> float:
    """How earlier days of this weekday stood to the week before each of them; 1 while there are too few."""
    same = range(day - WEEK, WEEK - 1, -WEEK)
    before = sum(total[each - WEEK : each].mean() for each in same)
    if len(same) < WEEKS_OF_WEEKDAYS or before <= 0:
        return 1.0
    return float(sum(total[each] for each in same) / before)


def _evidence(quantity: str, values: tuple[F8, F8, F8], judged: B1, rng: np.random.Generator) -> ForecastEvidence:
    value, forecast, events = (np.where(judged, each, 0.0) for each in values)
    weeks = np.flatnonzero(judged.any(axis=0))
    blocks = [part for part in np.array_split(weeks, max(1, round(weeks.size / WEEK))) if part.size]
    actual, predicted, missed = (
        np.array([each[:, part].sum() for part in blocks]) for each in (value, forecast, np.abs(forecast - value))
    )
    drawn = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=DRAWS)
    ratio, low, high = math.nan, math.nan, math.nan
    if actual.sum() > 0:
        sums = drawn @ actual
        ratios = np.divide(drawn @ predicted, sums, out=np.full(DRAWS, np.finfo(float).max), where=sums > 0)
        ratio, (low, high) = float(predicted.sum() / actual.sum()), np.quantile(ratios, [TAIL, 1 - TAIL])
    return ForecastEvidence(
        quantity=quantity,
        cells=int(judged.sum()),
        events=float(events.sum()),
        reachable=_reachable(value, events, judged),
        actual=tuple(actual.tolist()),
        missed=tuple(missed.tolist()),
        ratio=ratio,
        ratio_low=float(low),
        ratio_high=float(high),
    )


def _reachable(value: F8, events: F8, judged: B1) -> float:
    """The match of a perfect model: a count of mean n misses by sqrt(2 n / pi) in the mean, its cost in proportion."""
    total = float(value[judged].sum())
    if total <= 0:
        return math.nan
    share = np.sqrt(2 / (math.pi * np.maximum(events[judged], 1.0)))
    return 1 - float((value[judged] * np.minimum(share, 1.0)).sum()) / total
