"""LIVE: a campaign's days as its detectors take them, with what the ledger knows of each. It calls no platform.

Touch this to give the detectors one more thing that is known of a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.anomalies import AnomalyGrade, WatchedMetric
from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep, StepTaken
from gaelp.domain.platform_records import CampaignReport, CampaignState
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.watched_days import Expectation, MonitoringSettings, WatchedDay, WatchedDays
from gaelp.ledger.stored_records import MonitoringBooks
from gaelp.market.parameters import MarketParameters

MARKET_WORTH = 4.0  # events: the live market's rates differ from the calibrated one's by some half of their value


def history_of(
    report: CampaignReport,
    books: MonitoringBooks,
    account: Account,
    state: CampaignState,
    today: date,
    page_reachable: bool | None,
) -> WatchedDays:
    """The whole days since the last step that a person has undone: what was before is accepted, and compares nothing.

    Nor do other campaigns from then on, because they would say again that the accepted level is another.
    The budget of a day is the highest that was reserved for it. What the platform disapproves, that it cannot
    charge the account, and whether the landing page can be reached is known of now, so it is the newest whole day's.
    """
    undone = max((step.day for step in books.steps if step.undone_by), default=date.min)
    budgets = _budgets(books, account, state)
    days = [day for day in report.days if undone < day.day < today]
    return WatchedDays(
        campaign=state.external_name,
        days=tuple(
            WatchedDay(
                report=day,
                budget_micros=budgets.get(day.day, state.daily_budget_micros),
                disapproved=len(report.disapproved) if day is days[-1] else 0,
                page_reachable=page_reachable if day is days[-1] else None,
                payment_failed=report.payment_failed if day is days[-1] else None,
            )
            for day in days
        ),
        others=() if undone > date.min else tuple(tuple(WatchedDay(day, 0) for day in each) for each in books.others),
    )


def settings_of(
    books: MonitoringBooks, config: TrainingConfiguration, market: MarketParameters, currency: str, today: date
) -> MonitoringSettings:
    """What the campaign's evidence is measured against: the portfolio that was approved with it, its steps, its market.

    The market lets nothing be expected once a person has accepted another level.
    """
    since = today - timedelta(days=HORIZON_DAYS)
    return MonitoringSettings(
        campaigns=max(books.campaigns, 1),
        acted=_acted(step for step in books.steps_of_run if step.day > since),
        lag_days=config.economics.lag_days,
        window_days=config.economics.attribution_window_days,
        currency=currency,
        expected={} if any(step.undone_by for step in books.steps) else _expected(market),
    )


def _expected(market: MarketParameters) -> dict[WatchedMetric, Expectation]:
    """The calibrated market's mean rates by segments' traffic; which creatives will be shown is not known."""
    traffic = market.auctions_per_hour / market.auctions_per_hour.sum()
    clicks = float(traffic @ market.ctr.mean(axis=1))
    conversions = float(traffic @ (market.ctr * market.cvr).mean(axis=1))
    rates = {WatchedMetric.CTR: clicks, WatchedMetric.CONVERSIONS_PER_CLICK: conversions / clicks if clicks else 0.0}
    return {metric: Expectation(rate, MARKET_WORTH) for metric, rate in rates.items() if rate > 0}


def _acted(steps: Iterable[StepTaken]) -> int:
    """On how many anomalies it was acted: one that was held, cut and paused is one, and what was only noted is none."""
    return len(
        {
            (step.campaign, each.metric, each.direction)
            for step in steps
            for each in step.evidence
            if step.step in UNDOABLE and each.grade is AnomalyGrade.ACT
        }
    )


def _budgets(books: MonitoringBooks, account: Account, state: CampaignState) -> dict[date, int]:
    """The budget of each reserved day, by the platform's rule for the worst day of the budget in force.

    None is given of a day on which a step has lowered it or paused the campaign: its spend is compared with nothing, or
    people would be told of the step as if the platform spent less.
    """
    worst = worst_day_micros(account.platform, state.daily_budget_micros, account.currency)
    lowered = {step.day for step in books.steps if step.step in (LadderStep.CUT, LadderStep.PAUSE)}
    return {
        day.day: 0 if day.day in lowered else day.worst_case_micros * state.daily_budget_micros // max(worst, 1)
        for day in books.days
    }
