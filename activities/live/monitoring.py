"""LIVE: looks at a campaign's days at the first tick of a day, and takes the step of the ladder that they ask for.

It calls no platform, and the landing page where the configuration names one: a step is recorded in the ledger and tells
the campaign what it may still do. Touch this to have the ladder look at another time; what it decides is in
gaelp/domain/monitoring/ladder.py.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from activities.live.campaign_days import campaign_clock
from activities.live.watched_history import history_of, settings_of
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.anomalies import Anomaly
from gaelp.domain.monitoring.ladder import (
    HeldBack,
    LadderStep,
    SettingsInForce,
    StepTaken,
    WatchedCampaign,
    due_step,
    held_back,
    stopped_from_outside,
    suspected_days,
)
from gaelp.domain.platform_records import CampaignReport, CampaignState, DayReport
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDays
from gaelp.ledger.ledger import Ledger
from gaelp.market.parameters import MarketParameters
from gaelp.messages.live_campaign import LiveCampaignInput
from gaelp.platforms.landing_pages import page_reachable

Detect = Callable[[WatchedDays, MonitoringSettings, date], tuple[Anomaly, ...]]
"""What stands out in a campaign's days, as of the given day of the account."""


@dataclass(frozen=True)
class Terms:
    """The configuration and the calibrated market that the campaign was approved with."""

    config: TrainingConfiguration
    market: MarketParameters


@dataclass(frozen=True)
class Standing:
    """What monitoring leaves a campaign, why it must end if it must, and which of its days are suspect."""

    held: HeldBack | None
    halt: str = ""
    outside: bool = False  # the halt is no doing of the agent
    suspected: tuple[date, date] | None = None  # from the first until before the second: see suspected_days

    def trusted(self, days: tuple[DayReport, ...]) -> tuple[DayReport, ...]:
        """The days on whose conversions a decision may rest."""
        if self.suspected is None or any(day.day >= self.suspected[1] for day in days):
            return days
        return tuple(day for day in days if day.day < self.suspected[0])


class Monitoring:
    """Looks until a decision is applied on the day, so that a missed tick is no missed look.

    At every other tick what stands is read, so that an undo is heard, and no step is lost with the answer that told it.
    """

    def __init__(self, ledger: Ledger, detect: Detect, wait: Callable[[float], None] = clock.sleep) -> None:
        self._ledger = ledger
        self._detect = detect
        self._wait = wait

    def look(
        self,
        campaign: LiveCampaignInput,
        account: Account,
        state: CampaignState,
        report: CampaignReport,
        terms: Terms,
    ) -> Standing:
        """Take the step that is due, and return what then stands."""
        if campaign.day_index <= max(campaign.progress.applied_day, 0):  # of the first day nothing is known yet
            return self.standing(campaign.name)
        today = campaign_clock(campaign, account).day(campaign.progress.tick)
        books = self._ledger.monitoring_books(account.account, campaign.name, campaign.order.request_id)
        watched = WatchedCampaign(
            account=account.account, campaign=campaign.name, currency=account.currency,
            settings=SettingsInForce.of(state), today=today, at=report.at,
        )  # fmt: skip
        history = history_of(report, books, account, state, today, self._page_reachable(account, terms.config))
        settings = settings_of(books, terms.config, terms.market, account.currency, today)
        anomalies = self._detect(history, settings, today)
        step = due_step(anomalies, books.steps, watched)
        if step is None:
            return _standing(books.steps)
        self._ledger.take_step(step)
        return _standing((*books.steps, step))

    def _page_reachable(self, account: Account, config: TrainingConfiguration) -> bool | None:
        page = config.safety.landing_page
        if page is None:
            return None
        return page_reachable(page, private=account.kind is AccountKind.EMULATOR, wait=self._wait)

    def standing(self, campaign: str) -> Standing:
        """What stands, without a look."""
        return _standing(self._ledger.monitoring_steps(campaign))


def _standing(steps: Sequence[StepTaken]) -> Standing:
    stops = [each.reason for each in steps if each.step is LadderStep.STOP]
    halt = f"monitoring has stopped it: {stops[0]}" if stops else ""
    return Standing(held_back(steps), halt, stopped_from_outside(steps), suspected_days(steps))
