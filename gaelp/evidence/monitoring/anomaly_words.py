"""An anomaly in one sentence for a person. Touch this to word it otherwise."""

from __future__ import annotations

from datetime import date

from gaelp.domain.monitoring.anomalies import AnomalyKind, WatchedMetric
from gaelp.money import rounded_money

_NAMES = {
    WatchedMetric.SPEND: "Spend a day",
    WatchedMetric.PACING: "The share of a day's spend before noon",
    WatchedMetric.CPA: "The cost per conversion",
    WatchedMetric.CTR: "Clicks per impression",
    WatchedMetric.CONVERSIONS_PER_CLICK: "Conversions per click",
    WatchedMetric.CLAIMED_OVER_ORDERS: "The conversions that the platform claims for each own order",
    WatchedMetric.WIN_RATE: "The share of auctions won",
    WatchedMetric.LOST_IMPRESSION_SHARE: "The share of impressions lost",
    WatchedMetric.ERRORS: "The share of calls to the platform that fail",
}
_MONEY = (WatchedMetric.SPEND, WatchedMetric.CPA)
_FACTORS = (WatchedMetric.CLAIMED_OVER_ORDERS,)


def sentence_of(
    metric: WatchedMetric, kind: AnomalyKind, since: date, value: float, expected: float, currency: str
) -> str:
    """What it is now, since when, and what it was."""
    now, before = amount_of(metric, value, currency), amount_of(metric, expected, currency)
    if kind is AnomalyKind.SPIKE:
        return f"{_NAMES[metric]} was {now} on {since}, where about {before} was to be expected."
    standing = " and has stayed there" if kind is AnomalyKind.REGIME else ""
    return f"{_NAMES[metric]} has been {now} since about {since}{standing}; it was {before} before."


def amount_of(metric: WatchedMetric, value: float, currency: str) -> str:
    """A value in the metric's own unit, for people."""
    if metric in _MONEY:
        return rounded_money(round(value), currency)
    return f"{value:.2f}" if metric in _FACTORS else f"{value:.2%}"
