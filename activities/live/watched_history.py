"""LIVE: a campaign's days as its detectors take them, with what the ledger knows of each. It calls no platform.

Touch this to give the detectors one more thing that is known of a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.anomalies import AnomalyGrade
from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep, StepTaken
from gaelp.domain.platform_records import CampaignReport, CampaignState
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDay, WatchedDays
from gaelp.ledger.stored_records import MonitoringBooks


def history_of(
    report: CampaignReport, books: MonitoringBooks, account: Account, state: CampaignState, today: date
) -> WatchedDays:
    """The whole days since the last step that a person has undone: what was before is accepted, and compares nothing.

    The budget of a day is the highest that was reserved for it. What the platform disapproves is known of now, so it is
    the newest whole day's.
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
            )
            for day in days
        ),
    )


def settings_of(
    books: MonitoringBooks, config: TrainingConfiguration, currency: str, today: date
) -> MonitoringSettings:
    """What the campaign's evidence is measured against: the portfolio that was approved with it, and its steps."""
    since = today - timedelta(days=HORIZON_DAYS)
    return MonitoringSettings(
        campaigns=max(books.campaigns, 1),
        acted=_acted(step for step in books.steps_of_run if step.day > since),
        lag_days=config.economics.lag_days,
        window_days=config.economics.attribution_window_days,
        currency=currency,
    )


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
