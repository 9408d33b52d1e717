"""LIVE: reads a campaign's report, makes the agent's observation of it, and checks whether the campaign must halt.

Touch this to halt a campaign for another reason.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.agents.contract import Observation, TickTime, Totals
from gaelp.domain.ad_accounts import Account
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import reservation_key
from gaelp.domain.platform_records import CampaignReport, DayReport
from gaelp.domain.spending.campaign_clock import AccountCalendar, CampaignClock
from gaelp.ledger.ledger import Ledger
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.messages.live_campaign import LiveCampaignInput, Observe, Observed
from gaelp.money import micros
from gaelp.platforms.protocol import PlatformError, ReadsCampaigns


class Observations:
    """Reads the platform; posts what it says was spent, which is a record and not an effect on it."""

    def __init__(self, ledger: Ledger, inputs: Inputs, open_platform: Callable[[Account], ReadsCampaigns]) -> None:
        self._ledger = ledger
        self._inputs = inputs
        self._open_platform = open_platform

    @activity.defn
    def observe(self, observe: Observe) -> Observed:
        """The tick's observation by digest, and any reason to halt."""
        campaign = observe.campaign
        config = self._inputs.config(campaign.context.config_digest)
        account = self._ledger.account(campaign.context.account)
        platform = self._open_platform(account)
        state = platform.find(account.account, campaign.name)
        if state is None:
            raise PlatformError(f"campaign {campaign.name} is not on the platform", permanent=True)
        report = platform.report(account.account, state.platform_id, observe.at)
        over = post_days(self._ledger, campaign, report, account)
        halt = over or _drawdown(report.days, config)
        if report.disapproved:
            halt = halt or f"the platform disapproved {', '.join(report.disapproved)}"
        arrays = self._observation(observe, report, campaign_clock(campaign, account), config)
        return Observed(
            observation_digest=self._inputs.store.put_arrays(arrays),
            spend_micros=sum(max(d.cost_micros, d.served_micros) for d in report.days),
            enabled=state.enabled,
            days=report.days,
            halt=halt,
            stop_account=bool(over),
        )

    def _observation(
        self,
        observe: Observe,
        report: CampaignReport,
        clock: CampaignClock,
        config: TrainingConfiguration,
    ) -> dict[str, np.ndarray]:
        campaign, cells = observe.campaign, report.cells
        market = self._inputs.market(campaign.context.market_digest)
        local = clock.calendar.local(observe.at)
        today = next((day for day in report.days if day.day == local.date()), None)
        spent = max(today.cost_micros, today.served_micros) if today else 0
        time_left = 1.0 - campaign.progress.tick / clock.ticks_in(campaign.order.plan.days)
        counts = (cells.impressions, cells.clicks, cells.conversions, cells.cost_micros)
        return Observation.build(
            TickTime(np.array([local.hour]), np.array([local.weekday()]), np.array([time_left])),
            Totals(*(np.array([count], np.int64) for count in counts)),
            market.segment_features,
            market.candidate_features,
            np.array([max(campaign.progress.daily_budget_micros - spent, 0)]),
            click_value_micros(config.economics),
        ).to_arrays()


def day_key(campaign: LiveCampaignInput, day_index: int) -> str:
    """Key of a campaign day's reservation; made of names only, so that a retry finds it."""
    return reservation_key(campaign.name, day_index)


def campaign_clock(campaign: LiveCampaignInput, account: Account) -> CampaignClock:
    """The campaign's time by the account's calendar."""
    return CampaignClock(AccountCalendar(account.timezone), campaign.progress.start, campaign.order.tick_hours)


def post_days(ledger: Ledger, campaign: LiveCampaignInput, report: CampaignReport, account: Account) -> str:
    """Post what each day was billed and served so far to the ledger; a reason to halt where it is too much."""
    halt = ""
    reservations = {r.key: r for r in ledger.reservations(campaign.context.account, campaign.context.run)}
    for day in report.days:
        if not (day.cost_micros or day.served_micros):
            continue
        key = day_key(campaign, campaign_clock(campaign, account).index_of(day.day))
        reserved = reservations.get(key)
        # Amounts are absolute, so what the ledger has already need not be written again.
        if reserved is None or (reserved.billed_micros, reserved.served_micros) != (day.cost_micros, day.served_micros):
            over = ledger.post(key, day.cost_micros, day.served_micros, report.at).over
        else:
            over = max(day.cost_micros, day.served_micros) > reserved.worst_case_micros
        if over:
            halt = f"the platform reports more than was reserved for {key}; the account is stopped"
    return halt


def _drawdown(days: tuple[DayReport, ...], config: TrainingConfiguration) -> str:
    """Matured days only: an immature day never decides."""
    matured = [d for d in days if d.matured]
    revenue = sum(d.revenue_micros for d in matured)
    loss = sum(max(d.cost_micros, d.served_micros) for d in matured) - round(revenue * config.economics.margin)
    limit = micros(config.live_test.drawdown_limit)
    if loss <= limit:
        return ""
    return f"drawdown: {loss / 1e6:.2f} {config.currency} lost on matured days, the limit is {limit / 1e6:.2f}"
