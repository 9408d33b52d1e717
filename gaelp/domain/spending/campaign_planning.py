"""What a spending phase will run, and what it may be billed at the worst. Touch this to plan campaigns otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from gaelp.domain.ad_accounts import Account
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.section import micros
from gaelp.domain.ids import campaign_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm, CampaignPlan, CampaignsPlan
from gaelp.domain.spending.exposure import ExposureLine, budget_for_cap, exposure_line, worst_day_micros
from gaelp.domain.spending.maturity import matured_after_days

REPORT_DELAY_HOURS = 72  # platforms correct cost for about three days


def plan_campaigns(
    run: str,
    phase: Phase,
    agent: str,
    config: TrainingConfiguration,
    account: Account,
    now: datetime,
    last_day_taken: date | None = None,
) -> CampaignsPlan:
    """The campaigns in their order, their exposure, and the caps a person is asked to approve.

    `last_day_taken` is the last day on which anything else of the account was reserved. Raises UnknownPlatform where
    the account's platform has no known billing rules.
    """
    start = first_midnight(config, account, now, last_day_taken)
    maturing = maturing_hours(config)
    if phase is Phase.LIVE_TEST:
        campaigns = _live_test(run, agent, config, account, start, maturing)
        highest = {c.campaign: c.daily_budget_micros for c in campaigns}
        daily_cap = worst_day_micros(account.platform, max(highest.values()))
    else:
        campaigns = _scaled(run, agent, config, start)
        highest = {c.campaign: _highest_budget(c, config) for c in campaigns}
        worst = sum(worst_day_micros(account.platform, b) for b in highest.values())
        daily_cap = min(worst, micros(config.scaled.daily_cap))
    exposure = tuple(_line(c, highest[c.campaign], account) for c in campaigns)
    ends = max(c.start + timedelta(days=c.days) for c in campaigns)
    deadline = now + timedelta(hours=config.approval.deadline_hours)
    return CampaignsPlan(
        campaigns=campaigns,
        tick_hours=config.clock.tick_hours,
        period_days=config.scaled.period_days if phase is Phase.SCALED else config.live_test.days,
        maturing_hours=maturing,
        daily_cap_micros=daily_cap,
        total_cap_micros=sum(line.worst_total_micros for line in exposure),
        exposure=exposure,
        approval_deadline=deadline,
        # A person may answer until the deadline, and only then does the first campaign begin on a real clock.
        approval_expires=max(ends + (deadline - now), deadline),
    )


def first_midnight(
    config: TrainingConfiguration, account: Account, now: datetime, last_day_taken: date | None = None
) -> datetime:
    """The first instant of a day of the ad account at or after the configured start, else after now; in UTC.

    A clock that waits for nothing (time_scale 0) would let every run of an account spend on the same days, so there
    a phase begins after the last day that is taken.
    """
    zone = ZoneInfo(account.timezone)
    local = (config.clock.start or now).astimezone(zone)
    if config.clock.time_scale == 0 and last_day_taken is not None:
        local = max(local, datetime.combine(last_day_taken + timedelta(days=1), time.min, zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight < local:
        midnight += timedelta(days=1)
    return midnight.astimezone(UTC)


def maturing_hours(config: TrainingConfiguration) -> int:
    """Hours from a click until its day decides, by the stated lag, and the platform's own delay."""
    economics = config.economics
    days = matured_after_days(economics.lag_days, economics.attribution_window_days)
    # Twice that: a platform whose lag is longer than we believe must still have matured; after the window all has come.
    return ceil(min(2 * days, economics.attribution_window_days) * 24) + REPORT_DELAY_HOURS


def _live_test(
    run: str, agent: str, config: TrainingConfiguration, account: Account, start: datetime, maturing: int
) -> tuple[CampaignPlan, ...]:
    """One after another, each beginning when the one before has matured; each may use the whole day's cap."""
    live = config.live_test
    step = timedelta(days=live.days + ceil(maturing / 24))
    budget = budget_for_cap(account.platform, micros(live.daily_cap))
    return tuple(
        CampaignPlan(
            index=index,
            campaign=campaign_id(run, Phase.LIVE_TEST, index),
            product=config.product,
            arm=Arm.CANDIDATE,
            agent=agent,
            daily_budget_micros=budget,
            days=live.days,
            start=start + index * step,
        )
        for index in range(live.campaigns)
    )


def _scaled(run: str, agent: str, config: TrainingConfiguration, start: datetime) -> tuple[CampaignPlan, ...]:
    """For every product a candidate and a concurrent control run by the incumbent."""
    scaled = config.scaled
    arms = [(p, arm) for p in scaled.products for arm in Arm]
    return tuple(
        CampaignPlan(
            index=index,
            campaign=campaign_id(run, Phase.SCALED, index),
            product=product,
            arm=arm,
            agent=agent if arm is Arm.CANDIDATE else config.incumbent,
            daily_budget_micros=micros(scaled.daily_budget),
            days=scaled.periods * scaled.period_days,
            start=start,
        )
        for index, (product, arm) in enumerate(arms)
    )


def _highest_budget(campaign: CampaignPlan, config: TrainingConfiguration) -> int:
    """A candidate may be raised once between any two periods; a control's budget stays."""
    if campaign.arm is Arm.CONTROL:
        return campaign.daily_budget_micros
    raises = config.scaled.periods - 1
    return ceil(campaign.daily_budget_micros * (1 + config.scaled.raise_step) ** raises)


def _line(campaign: CampaignPlan, highest_micros: int, account: Account) -> ExposureLine:
    first = campaign.start.astimezone(ZoneInfo(account.timezone)).date()
    return exposure_line(campaign.campaign, account.platform, highest_micros, campaign.days, first)
