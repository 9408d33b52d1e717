"""What a spending phase will run, and what it may be billed at the worst. Touch this to plan campaigns otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import ExposureLine, budget_for_cap, exposure_line, worst_day_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import campaign_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_clock import (
    HOURS_PER_DAY,
    REPORT_DELAY_HOURS,
    AccountCalendar,
    matured_after_days,
)
from gaelp.domain.spending.campaign_records import Arm, CampaignPlan, CampaignsPlan
from gaelp.domain.spending.dollar_bounds import check_daily_cap
from gaelp.money import micros, rounded_up


@dataclass(frozen=True)
class PlanningRequest:
    """What a spending phase is planned from."""

    run: str
    phase: Phase
    agent: str
    config: TrainingConfiguration
    account: Account
    now: datetime
    last_day_taken: date | None = None  # the last day on which anything else of the account was reserved


def plan_campaigns(request: PlanningRequest) -> CampaignsPlan:
    """The campaigns in their order, their exposure, and the caps a person is asked to approve.

    Raises UnknownPlatform where the account's platform has no known billing rules, NoDollarRate and
    OutsideDollarBounds where a live test is larger or smaller than its bounds in dollars.
    """
    config, account = request.config, request.account
    start = first_midnight(config, account, request.now, request.last_day_taken)
    campaigns = _live_test(request, start) if request.phase is Phase.LIVE_TEST else _scaled(request, start)
    highest = {campaign.campaign: _highest_budget(campaign, request) for campaign in campaigns}
    exposure = tuple(_line(campaign, highest[campaign.campaign], account) for campaign in campaigns)
    calendar = AccountCalendar(account.timezone)
    ends = max(_midnight_after(calendar, campaign.start, campaign.days) for campaign in campaigns)
    deadline = request.now + timedelta(hours=config.approval.deadline_hours)
    last_ends = max(calendar.midnight(_last_day(c, request, deadline) + timedelta(days=1)) for c in campaigns)
    return CampaignsPlan(
        campaigns=campaigns,
        tick_hours=config.clock.tick_hours,
        period_days=config.scaled.period_days if request.phase is Phase.SCALED else config.live_test.days,
        maturing_hours=maturing_hours(config),
        daily_cap_micros=_daily_cap_micros(request, list(highest.values())),
        total_cap_micros=sum(line.worst_total_micros for line in exposure),
        exposure=exposure,
        approval_deadline=deadline,
        # A person may answer until the deadline, and only then does the first campaign begin on a real clock.
        approval_expires=max(ends + (deadline - request.now), last_ends, deadline),
    )


def campaigns_to_approve(
    plan: CampaignsPlan, request: PlanningRequest, candidates: int
) -> tuple[ApprovedCampaign, ...]:
    """Every campaign of a plan with its ceilings, as a person signs it; `candidates` is how many creatives each has."""
    calendar = AccountCalendar(request.account.timezone)
    return tuple(
        ApprovedCampaign(
            ceiling=line,
            agent=campaign.agent,
            product=campaign.product,
            arm=campaign.arm,
            content_digest=content_digest(campaign.product, creatives_of(campaign.product, candidates)),
            first_day=calendar.day_of(campaign.start),
            last_day=_last_day(campaign, request, plan.approval_deadline),
        )
        for campaign, line in zip(plan.campaigns, plan.exposure, strict=True)
    )


def _last_day(campaign: CampaignPlan, request: PlanningRequest, deadline: datetime) -> date:
    """The last day on which a campaign may spend, fixed before anybody signs.

    On a real clock a campaign begins at the next midnight after the approval, which may come as late as its deadline,
    and a later one of a live test when the one before has matured: a day of room is left for each before it.
    """
    calendar, start = AccountCalendar(request.account.timezone), campaign.start
    if request.config.clock.time_scale > 0:
        first = first_midnight(request.config, request.account, request.now, request.last_day_taken)
        delay = max(calendar.next_midnight(request.now) - first, timedelta(0)) + (deadline - request.now)
        room = timedelta(days=campaign.index if request.phase is Phase.LIVE_TEST else 0)
        start = calendar.next_midnight(campaign.start + delay + room)
    return calendar.day_of(start) + timedelta(days=campaign.days - 1)


def first_midnight(
    config: TrainingConfiguration, account: Account, now: datetime, last_day_taken: date | None = None
) -> datetime:
    """The first instant of a day of the ad account at or after the configured start, else after now; in UTC.

    A clock that waits for nothing (time_scale 0) would let every run of an account spend on the same days, so there
    a phase begins after the last day that is taken.
    """
    calendar = AccountCalendar(account.timezone)
    midnight = calendar.next_midnight(config.clock.start or now)
    if config.clock.time_scale == 0 and last_day_taken is not None:
        return max(midnight, calendar.midnight(last_day_taken + timedelta(days=1)))
    return midnight


def _midnight_after(calendar: AccountCalendar, midnight: datetime, days: int) -> datetime:
    """The midnight of the account so many of its days later."""
    return calendar.midnight(calendar.day_of(midnight) + timedelta(days=days))


def maturing_hours(config: TrainingConfiguration) -> int:
    """Hours from a click until its day decides, by the stated lag, and the platform's own delay."""
    economics = config.economics
    days = matured_after_days(economics.lag_days, economics.attribution_window_days)
    # Twice that: a platform whose lag is longer than we believe must still have matured; after the window all has come.
    return ceil(min(2 * days, economics.attribution_window_days) * HOURS_PER_DAY) + REPORT_DELAY_HOURS


def _live_test(request: PlanningRequest, start: datetime) -> tuple[CampaignPlan, ...]:
    """One after another, each beginning when the one before has matured; each may use the whole day's cap."""
    live = request.config.live_test
    check_daily_cap(micros(live.daily_cap), request.account, request.now.date())
    step = live.days + ceil(maturing_hours(request.config) / HOURS_PER_DAY)
    calendar = AccountCalendar(request.account.timezone)
    starts = [_midnight_after(calendar, start, index * step) for index in range(live.campaigns)]
    budget = budget_for_cap(request.account.platform, micros(live.daily_cap), request.account.currency)
    return tuple(
        CampaignPlan(
            index=index,
            campaign=campaign_id(request.run, Phase.LIVE_TEST, index),
            product=request.config.product,
            arm=Arm.CANDIDATE,
            agent=request.agent,
            daily_budget_micros=budget,
            days=live.days,
            start=begins,
            day_minutes=calendar.day_minutes(calendar.day_of(begins), live.days),
        )
        for index, begins in enumerate(starts)
    )


def _scaled(request: PlanningRequest, start: datetime) -> tuple[CampaignPlan, ...]:
    """For every product a candidate arm, run by the agent, and a control arm, run by the incumbent at the same time."""
    scaled = request.config.scaled
    arms = [(product, arm) for product in scaled.products for arm in Arm]
    days, calendar = scaled.periods * scaled.period_days, AccountCalendar(request.account.timezone)
    day_minutes = calendar.day_minutes(calendar.day_of(start), days)
    return tuple(
        CampaignPlan(
            index=index,
            campaign=campaign_id(request.run, Phase.SCALED, index),
            product=product,
            arm=arm,
            agent=request.agent if arm is Arm.CANDIDATE else request.config.incumbent,
            daily_budget_micros=micros(scaled.daily_budget),
            days=days,
            start=start,
            day_minutes=day_minutes,
        )
        for index, (product, arm) in enumerate(arms)
    )


def _highest_budget(campaign: CampaignPlan, request: PlanningRequest) -> int:
    """In `scaled` a candidate arm may be raised once between any two periods; every other budget stays."""
    if request.phase is Phase.LIVE_TEST or campaign.arm is Arm.CONTROL:
        return campaign.daily_budget_micros
    scaled = request.config.scaled
    highest = ceil(campaign.daily_budget_micros * (1 + scaled.raise_step) ** (scaled.periods - 1))
    return rounded_up(highest, request.account.currency)


def _daily_cap_micros(request: PlanningRequest, budgets: Sequence[int]) -> int:
    """The most of any one day: live tests run one after another, scaled campaigns all at once under their own cap."""
    account = request.account
    worst = [worst_day_micros(account.platform, budget, account.currency) for budget in budgets]
    if request.phase is Phase.LIVE_TEST:
        return max(worst)
    return min(sum(worst), micros(request.config.scaled.daily_cap))


def _line(campaign: CampaignPlan, highest_micros: int, account: Account) -> ExposureLine:
    return exposure_line(campaign.campaign, account.platform, highest_micros, campaign.days, account.currency)
