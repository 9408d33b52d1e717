"""What other campaigns and the market let one expect of a rate, and what it is worth to a new campaign."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, WatchedMetric
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.monitoring.anomaly_grades import act_e_value, e_value_of
from gaelp.evidence.monitoring.day_noise import variation_of
from gaelp.evidence.monitoring.known_rates import OtherCampaign, known_rate, known_shocks
from gaelp.evidence.monitoring.metric_streams import CountStream
from gaelp.evidence.monitoring.watched_days import Expectation, WatchedDay, WatchedDays
from tests.unit.evidence.monitoring.campaign_days import FIRST, SETTINGS, changed, quiet_days, reported, today

DAYS = [FIRST + timedelta(days=at) for at in range(30)]


def _campaign(rate: float, seed: int, first: int = 0) -> OtherCampaign:
    counts = np.random.default_rng(seed).poisson(rate, 30).astype(float)
    return OtherCampaign([day + timedelta(days=first) for day in DAYS], counts, np.ones(30))


def _worth(campaigns: list[OtherCampaign], day: int = 29) -> float:
    return float(known_rate(DAYS, campaigns, None)[0][day])


def test_equal_campaigns_are_worth_more_than_unequal_ones() -> None:
    """Four campaigns of one rate tell it, four of different rates tell little, and one alone something between."""
    equal = [_campaign(5.0, seed) for seed in range(4)]
    unequal = [_campaign(rate, seed) for seed, rate in enumerate((1.0, 3.0, 8.0, 20.0))]
    events, exposures = known_rate(DAYS, equal, None)
    assert events[-1] / exposures[-1] == pytest.approx(5.0, rel=0.1)
    assert _worth(equal) > 50 > 20 > _worth(equal[:1]) > 8 > 2 > _worth(unequal) > 0.5


def test_what_comes_later_tells_nothing_of_a_day() -> None:
    """A campaign that begins on a day tells nothing of the days up to it, on which the market's expectation counts."""
    later, market = [_campaign(5.0, 1, first=10)], Expectation(0.5, 4.0)
    events, exposures = known_rate(DAYS, later, market)
    assert (events[:11] == 4.0).all() and (exposures[:11] == 8.0).all()
    assert events[-1] != 4.0
    assert known_rate(DAYS, later, None)[1][10] == 0.0


def _others(days: int, conversions: float = 5.0, first: int = 0) -> tuple[tuple[WatchedDay, ...], ...]:
    """Four other campaigns, so many days of each, from `first` days after FIRST on."""
    campaigns = (quiet_days(days, seed, conversions) for seed in range(50, 54))
    return tuple(tuple(_dated(day, first) for day in campaign) for campaign in campaigns)


def _dated(day: WatchedDay, later: int) -> WatchedDay:
    moved = {"day": day.report.day + timedelta(days=later), "matured": True}
    return replace(day, report=day.report.model_copy(update=moved))


def _of(history: WatchedDays, metric: WatchedMetric) -> list[Anomaly]:
    found = anomalies_of(history, SETTINGS, today(len(history.days)))
    return [each for each in found if each.metric is metric and each.kind is not AnomalyKind.SPIKE]


def _thinned(day: WatchedDay) -> WatchedDay:
    """The day with each of its conversions kept with a chance of a half."""
    rng = np.random.default_rng(day.report.clicks + day.report.day.toordinal())
    return reported(day, conversions=float(rng.binomial(int(day.report.conversions), 0.5)), matured=True)


def test_other_campaigns_let_a_change_be_seen_sooner() -> None:
    """Of campaigns whose rate halves after ten days, more are noted within nine where others tell the level."""
    noted, others = {True: 0, False: 0}, _others(60, first=-50)
    for seed in range(36):
        history = changed([reported(day, matured=True) for day in quiet_days(19, seed, 5.0)], 10, _thinned)
        for known in noted:
            told = replace(history, others=others if known else ())
            noted[known] += bool(_of(told, WatchedMetric.CONVERSIONS_PER_CLICK))
    assert noted[True] >= noted[False] + 3


def test_a_campaign_of_six_days_is_watched_where_others_are_known() -> None:
    """A click rate that halves on the fourth day is noted on the sixth; alone, no day of the first week is judged."""
    days = quiet_days(6, seed=1)
    history = changed(days, 3, lambda day: reported(day, clicks=day.report.clicks // 2))
    assert _of(replace(history, others=_others(40, 25.0, first=-40)), WatchedMetric.CTR)
    assert not _of(history, WatchedMetric.CTR)


def test_campaigns_like_the_others_are_left_in_peace() -> None:
    """Of twenty quiet campaigns of a week, none is acted upon and two at most are noted, by what others have shown."""
    others = _others(60, first=-60)
    found = [
        anomalies_of(WatchedDays("run/live/campaign-01", tuple(quiet_days(7, seed, 5.0)), others), SETTINGS, today(7))
        for seed in range(20)
    ]
    assert not [each for told in found for each in told if each.grade is AnomalyGrade.ACT]
    assert sum(map(bool, found)) <= 2


def test_campaigns_that_differ_by_half_make_one_another_no_false_act() -> None:
    """Of 40 portfolios of three that begin one after another, and never change, in two at most a fall is acted upon."""
    rng, needed, acted = np.random.default_rng(4), act_e_value(replace(SETTINGS, campaigns=3)), 0
    for _ in range(40):
        rates = 5.0 * rng.lognormal(-0.125, 0.5, 3)
        begun = [[FIRST + timedelta(days=20 * at + day) for day in range(60)] for at in range(3)]
        all_three = [
            OtherCampaign(days, rng.poisson(rate, 60) * 1.0, np.ones(60))
            for days, rate in zip(begun, rates, strict=True)
        ]
        acted += any(
            _highest(each, [other for other in all_three if other is not each]) >= needed for each in all_three
        )
    assert acted <= 2


def _highest(own: OtherCampaign, others: list[OtherCampaign]) -> float:
    """The highest e-value of a fall over the days of a campaign."""
    phi = variation_of(own.counts, own.exposures, known_shocks(others))
    known = known_rate(own.days, others, None)
    stream = CountStream(WatchedMetric.CONVERSIONS_PER_CLICK, own.days, own.counts, own.exposures, phi, known)
    return e_value_of(float(stream.evidence().falls.max()))


def test_a_change_that_all_campaigns_share_is_a_change_of_each() -> None:
    """Others that began a week before they all halved, and have been so for a month, do not say that half is usual."""
    days = [reported(day, matured=True) for day in quiet_days(25, 3, 5.0)]
    others = tuple(changed(list(each), 7, _thinned).days for each in _others(37, first=3))
    (found,) = _of(replace(changed(days, 10, _thinned), others=others), WatchedMetric.CONVERSIONS_PER_CLICK)
    assert abs((found.since - today(10)).days) <= 4 and found.value < found.expected


def test_a_tag_that_was_never_heard_is_silent_where_others_are_known() -> None:
    """A campaign without any conversion since its first day is suspected by what others have shown, and alone not."""
    mute = tuple(reported(day, conversions=0.0) for day in quiet_days(6, seed=2, conversions=5.0))
    history = WatchedDays("run/live/campaign-01", mute)
    (found,) = _of(replace(history, others=_others(60, first=-60)), WatchedMetric.CONVERSIONS_PER_CLICK)
    assert found.measurement and found.kind is AnomalyKind.STATE and found.since == FIRST
    assert not _of(history, WatchedMetric.CONVERSIONS_PER_CLICK)
