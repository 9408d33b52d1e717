"""Plans of spending phases: nothing planned may be billed above the caps that a person is asked to approve."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import ceil, exp, log
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.domain.ad_accounts import Account, AccountKind, DollarRate
from gaelp.domain.billing.billing_rules import UnknownPlatform, worst_day_micros, worst_total_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_clock import REPORT_DELAY_HOURS, AccountCalendar, matured_after_days
from gaelp.domain.spending.campaign_planning import (
    PlanningRequest,
    campaigns_to_approve,
    first_midnight,
    maturing_hours,
    plan_campaigns,
)
from gaelp.domain.spending.campaign_records import CampaignsPlan
from gaelp.domain.spending.dollar_bounds import NoDollarRate, OutsideDollarBounds
from gaelp.money import micros

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
PLATFORMS = ("emulator", "google-ads", "meta")


RATES = {"JPY": "149.2", "KWD": "0.3071"}


def _account(platform: str = "emulator", timezone: str = "UTC", currency: str = "USD") -> Account:
    units = RATES.get(currency)
    rate = DollarRate(units_per_dollar=Decimal(units), day=NOW.date(), source="a bank") if units else None
    return Account(
        account="acme", kind=AccountKind.EMULATOR, platform=platform, currency=currency, timezone=timezone,
        dollar_rate=rate, daily_cap_micros=10**12, total_cap_micros=10**15,
    )  # fmt: skip


def _config(**sections: object) -> TrainingConfiguration:
    return TrainingConfiguration.model_validate(sections)


def _plan(phase: Phase, config: TrainingConfiguration, account: Account | None = None) -> CampaignsPlan:
    return plan_campaigns(PlanningRequest("run-a", phase, "linear-thompson", config, account or _account(), NOW))


def test_a_live_test_is_one_campaign_after_another() -> None:
    """Each campaign begins when the one before has ended and matured, and all are the candidate's."""
    config = _config(live_test={"campaigns": 3, "days": 7})
    plan = _plan(Phase.LIVE_TEST, config)
    assert [c.campaign for c in plan.campaigns] == [f"run-a/live-test/campaign-0{i}" for i in range(3)]
    assert {(c.arm, c.agent, c.product) for c in plan.campaigns} == {("candidate", "linear-thompson", "product-a")}
    for before, after in zip(plan.campaigns, plan.campaigns[1:], strict=False):
        matured = before.start + timedelta(days=before.days, hours=plan.maturing_hours)
        assert matured <= after.start < matured + timedelta(days=1)


@given(
    platform=st.sampled_from(PLATFORMS),
    cap_cents=st.integers(1000, 5000),
    days=st.integers(1, 40),
    campaigns=st.integers(1, 10),
)
def test_no_day_of_a_live_test_can_be_billed_above_its_cap(
    platform: str, cap_cents: int, days: int, campaigns: int
) -> None:
    """Whatever cap, length and platform: the worst day of the budget fits the hard cap, and what is asked covers it."""
    config = _config(live_test={"campaigns": campaigns, "days": days, "daily_cap": f"{cap_cents / 100:.2f}"})
    plan = _plan(Phase.LIVE_TEST, config, _account(platform))
    worst = {worst_day_micros(platform, c.daily_budget_micros, "USD") for c in plan.campaigns}
    assert max(worst) <= plan.daily_cap_micros <= micros(config.live_test.daily_cap)
    assert plan.total_cap_micros == sum(line.worst_total_micros for line in plan.exposure)
    for campaign, line in zip(plan.campaigns, plan.exposure, strict=True):
        total = worst_total_micros(platform, campaign.daily_budget_micros, days, "USD")
        assert (line.campaign, line.worst_total_micros) == (campaign.campaign, total)


def test_scaled_pairs_every_product_with_a_control_of_the_incumbent() -> None:
    """A candidate and a concurrent control per product, equal in budget, days and start."""
    config = _config(scaled={"products": ["product-a", "product-c"], "periods": 3, "period_days": 2})
    plan = _plan(Phase.SCALED, config)
    assert [(c.product, c.arm, c.agent) for c in plan.campaigns] == [
        ("product-a", "candidate", "linear-thompson"),
        ("product-a", "control", "fixed-bid"),
        ("product-c", "candidate", "linear-thompson"),
        ("product-c", "control", "fixed-bid"),
    ]
    assert len({(c.daily_budget_micros, c.days, c.start) for c in plan.campaigns}) == 1
    assert [c.campaign for c in plan.campaigns] == [f"run-a/scaled/campaign-0{index}" for index in range(4)]


@given(
    platform=st.sampled_from(PLATFORMS),
    budget=st.integers(1, 200),
    cap=st.integers(1, 4000),
    periods=st.integers(1, 6),
    step=st.floats(0.01, 0.2),
)
def test_the_exposure_of_a_portfolio_covers_every_raise_it_may_make(
    platform: str, budget: int, cap: int, periods: int, step: float
) -> None:
    """A candidate is shown with a raise between any two periods, a control with none; the cap asked for never tops."""
    config = _config(
        scaled={"daily_budget": budget, "daily_cap": cap, "periods": periods, "period_days": 1, "raise_step": step}
    )
    plan = _plan(Phase.SCALED, config, _account(platform))
    assert plan.daily_cap_micros <= micros(config.scaled.daily_cap)
    for campaign, line in zip(plan.campaigns, plan.exposure, strict=True):
        highest = campaign.daily_budget_micros
        for _ in range(periods - 1 if campaign.arm == "candidate" else 0):
            highest = int(highest * (1 + step))
        assert line.daily_budget_micros >= highest
        assert line.worst_day_micros == worst_day_micros(platform, line.daily_budget_micros, "USD")
        assert campaign.arm == "candidate" or line.daily_budget_micros == campaign.daily_budget_micros


def test_the_worst_total_of_a_plan_is_the_sum_of_its_worst_days() -> None:
    """Thirty days of 25 within one month are 1,500.00, not 30.4 budgets, because somebody may change the budget."""
    config = _config(live_test={"campaigns": 1, "days": 30, "streak": 1}, clock={"start": "2026-10-01T00:00:00Z"})
    plan = _plan(Phase.LIVE_TEST, config)
    assert (plan.daily_cap_micros, plan.total_cap_micros) == (50_000_000, 1_500_000_000)


def test_budgets_and_worst_cases_are_what_can_be_paid() -> None:
    """On Meta a cap of 5,000 yen is a budget of 2,857 and a worst day of 5,000; raises end at a whole yen."""
    yen = _config(currency="JPY", live_test={"daily_cap": 5000}, scaled={"daily_budget": 1001, "daily_cap": 99999})
    live, scaled = (_plan(phase, yen, _account("meta", currency="JPY")) for phase in (Phase.LIVE_TEST, Phase.SCALED))
    assert {c.daily_budget_micros for c in live.campaigns} == {2857_000_000}
    assert {line.worst_day_micros for line in live.exposure} == {5000_000_000}  # 4,999.75
    # 1,001 raised three times by a fifth is 1,729.728, and the control stays.
    assert {line.daily_budget_micros for line in scaled.exposure} == {1730_000_000, 1001_000_000}
    assert {line.worst_day_micros for line in scaled.exposure} == {3028_000_000, 1752_000_000}
    dinars = _config(currency="KWD", live_test={"daily_cap": "15.125"})
    plan = _plan(Phase.LIVE_TEST, dinars, _account("meta", currency="KWD"))
    assert {c.daily_budget_micros for c in plan.campaigns} == {8_642_000}
    assert {line.worst_day_micros for line in plan.exposure} == {15_124_000}


def test_a_live_test_out_of_its_bounds_in_dollars_is_not_planned() -> None:
    """Whoever starts the phase, 50 yen are too little, and without a rate nobody knows what 5,000 are."""
    for cap, account, refusal in (
        (50, _account(currency="JPY"), OutsideDollarBounds),
        (5000, _account(currency="JPY").model_copy(update={"dollar_rate": None}), NoDollarRate),
    ):
        with pytest.raises(refusal):
            _plan(Phase.LIVE_TEST, _config(currency="JPY", live_test={"daily_cap": cap}), account)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Kiritimati"])
def test_every_campaign_begins_at_a_midnight_whatever_the_clocks_do(zone: str) -> None:
    """Campaigns over a year, across both switches, carry the lengths of their days where these differ."""
    calendar, config = AccountCalendar(zone), _config(live_test={"campaigns": 10, "days": 30})
    plan = _plan(Phase.LIVE_TEST, config, _account(timezone=zone))
    for campaign in plan.campaigns:
        first = calendar.day_of(campaign.start)
        assert campaign.start == calendar.midnight(first)
        assert campaign.day_minutes == calendar.day_minutes(first, 30)
    assert (len({campaign.day_minutes for campaign in plan.campaigns}) > 1) is (zone != "Pacific/Kiritimati")
    days = [calendar.day_of(campaign.start) for campaign in plan.campaigns]
    assert {(after - before).days for before, after in pairwise(days)} == {30 + ceil(plan.maturing_hours / 24)}
    scaled = _plan(Phase.SCALED, _config(clock={"start": "2026-03-25T00:00:00Z"}), _account(timezone="Europe/Berlin"))
    assert {campaign.day_minutes for campaign in scaled.campaigns} == {(1440,) * 3 + (1380,) + (1440,) * 8}


def test_an_unknown_platform_is_refused() -> None:
    """Without known billing rules the worst case is unbounded, so no plan is made."""
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        with pytest.raises(UnknownPlatform, match="billboards"):
            _plan(phase, _config(), _account("billboards"))


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_a_campaign_begins_at_midnight_of_its_account(zone: str) -> None:
    """The first midnight of the account's own time zone that is not past; midnight itself is not put off."""
    start = first_midnight(_config(), _account(timezone=zone), NOW)
    local = start.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    assert NOW <= start <= NOW + timedelta(days=1)
    assert first_midnight(_config(), _account(timezone=zone), start) == start


def test_the_configured_start_goes_before_now() -> None:
    """A start in the configuration decides the first day, wherever the clock stands."""
    config = _config(clock={"start": "2026-01-05T00:00:00Z"})
    assert first_midnight(config, _account(), NOW) == datetime(2026, 1, 5, tzinfo=UTC)
    later = _config(clock={"start": "2026-01-05T00:00:01Z"})
    assert first_midnight(later, _account(), NOW) == datetime(2026, 1, 6, tzinfo=UTC)


def test_a_clock_that_waits_for_nothing_takes_only_free_days() -> None:
    """With time_scale 0 a phase begins after the last day taken; on a real clock the calendar decides."""
    taken = date(2026, 2, 10)
    waits_not = _config(clock={"start": "2026-01-05T00:00:00Z", "time_scale": 0})
    assert first_midnight(waits_not, _account(), NOW, taken) == datetime(2026, 2, 11, tzinfo=UTC)
    assert first_midnight(waits_not, _account(), NOW, date(2026, 1, 1)) == datetime(2026, 1, 5, tzinfo=UTC)
    assert first_midnight(_config(), _account(), NOW, date(2027, 1, 1)) == datetime(2026, 11, 23, tzinfo=UTC)


def test_days_taken_are_counted_in_the_accounts_time_zone() -> None:
    """The day after the last one taken begins at the account's midnight."""
    config = _config(clock={"time_scale": 0})
    account = _account(timezone="America/Los_Angeles")
    start = first_midnight(config, account, NOW, date(2026, 12, 1))
    assert start == datetime(2026, 12, 2, 8, tzinfo=UTC)


def test_a_plan_without_a_start_never_begins_in_the_past() -> None:
    """Without a configured start, days taken long ago do not pull the first campaign before now."""
    config = _config(clock={"time_scale": 0})
    assert first_midnight(config, _account(), NOW, date(2026, 1, 1)) >= NOW


def test_maturing_waits_for_twice_the_stated_lag_and_the_platforms_corrections() -> None:
    """ceil(2 x 24 x ln 10 x lag) hours and three days, growing with the lag."""
    assert maturing_hours(_config()) == ceil(2 * 24 * 2.302585092994046) + REPORT_DELAY_HOURS
    assert maturing_hours(_config(economics={"lag_days": 1.3})) > maturing_hours(_config())
    # Orders come within the window only, so that nine in ten of them have come a little sooner.
    lag, window = 1.5, 7.0
    nine_of_ten = -lag * log(1 - 0.9 * (1 - exp(-window / lag)))
    economics = {"lag_days": lag, "attribution_window_days": window}
    assert maturing_hours(_config(economics=economics)) == ceil(48 * nine_of_ten) + REPORT_DELAY_HOURS
    assert ceil(48 * nine_of_ten) < ceil(48 * lag * 2.302585092994046)
    # Nothing comes after the attribution window, so nobody waits longer.
    assert maturing_hours(_config(economics={"lag_days": 30.0})) == 7 * 24 + REPORT_DELAY_HOURS
    assert matured_after_days(1.0) == pytest.approx(2.302585) and matured_after_days(1e9, 7.0) == pytest.approx(6.3)


@given(
    hours=st.floats(0.01, 2000), campaigns=st.integers(1, 10), phase=st.sampled_from((Phase.LIVE_TEST, Phase.SCALED))
)
def test_an_approval_outlives_every_campaign_that_begins_under_it(hours: float, campaigns: int, phase: Phase) -> None:
    """An answer in the last second before the deadline still covers the last campaign's last day."""
    config = _config(approval={"deadline_hours": hours}, live_test={"campaigns": campaigns})
    plan = _plan(phase, config)
    wait = plan.approval_deadline - NOW
    assert wait == timedelta(hours=hours)
    assert plan.approval_expires >= max(c.start + timedelta(days=c.days) for c in plan.campaigns) + wait


def _signed(config: TrainingConfiguration, phase: Phase = Phase.LIVE_TEST) -> tuple[ApprovedCampaign, ...]:
    request = PlanningRequest("run-a", phase, "linear-thompson", config, _account(), NOW)
    return campaigns_to_approve(plan_campaigns(request), request, 3)


def test_what_is_signed_names_every_campaign_with_its_ceilings() -> None:
    """The agent of each arm, its highest budget and most days, and texts that differ by product."""
    config = _config(scaled={"products": ["product-a", "product-c"], "periods": 3, "period_days": 2})
    plan, signed = _plan(Phase.SCALED, config), _signed(config, Phase.SCALED)
    assert [each.ceiling for each in signed] == list(plan.exposure)
    for name in ("campaign", "agent", "product", "arm"):
        assert [getattr(each, name) for each in signed] == [getattr(each, name) for each in plan.campaigns]
    for each in signed:
        assert each.content_digest == content_digest(each.product, creatives_of(each.product, 3))
    assert [len({each.content_digest for each in pair}) for pair in (signed, signed[:2], signed[2:])] == [2, 1, 1]


def test_on_a_clock_that_waits_for_nothing_the_signed_days_are_the_planned_ones() -> None:
    """The days of the plan and no others."""
    config = _config(clock={"time_scale": 0}, live_test={"campaigns": 2, "days": 7})
    for campaign, signed in zip(_plan(Phase.LIVE_TEST, config).campaigns, _signed(config), strict=True):
        assert signed.first_day == campaign.start.date()
        assert signed.last_day == campaign.start.date() + timedelta(days=6)


@given(hours=st.floats(0.01, 500), start=st.sampled_from([None, "2026-01-05T00:00:00Z", "2026-12-24T08:00:00Z"]))
def test_on_a_real_clock_the_signed_end_allows_for_an_approval_in_the_last_second(
    hours: float, start: str | None
) -> None:
    """A campaign that begins at the midnight after the deadline has all its days, and nothing moves the end."""
    config = _config(approval={"deadline_hours": hours}, clock={"start": start}, live_test={"campaigns": 2, "days": 7})
    first, second = _signed(config)
    begins = first_midnight(config.model_copy(update={"clock": config.clock.model_copy(update={"start": None})}),
                            _account(), max(NOW, config.clock.start or NOW) + timedelta(hours=hours))  # fmt: skip
    assert begins.date() + timedelta(days=6) <= first.last_day <= begins.date() + timedelta(days=7)
    plan = _plan(Phase.LIVE_TEST, config)
    between = (plan.campaigns[1].start - plan.campaigns[0].start).days
    assert (second.last_day - first.last_day).days == between + 1
    assert plan.approval_expires.date() > second.last_day


def test_campaigns_of_a_portfolio_end_on_the_same_signed_day() -> None:
    """They run at once, so none needs room for one before it."""
    assert len({each.last_day for each in _signed(_config(), Phase.SCALED)}) == 1


def test_a_portfolio_needs_no_more_room_than_the_first_live_campaign() -> None:
    """On a real clock both begin at the midnight after the approval's deadline at the latest."""
    config = _config(live_test={"campaigns": 2, "days": 7}, scaled={"periods": 1, "period_days": 7})
    assert {each.last_day for each in _signed(config, Phase.SCALED)} == {_signed(config)[0].last_day}


def test_a_period_is_the_whole_live_test_and_a_part_of_a_portfolio() -> None:
    """After it a campaign asks whether it may go on."""
    config = _config(live_test={"campaigns": 2, "days": 5}, scaled={"periods": 3, "period_days": 2})
    assert [_plan(phase, config).period_days for phase in (Phase.LIVE_TEST, Phase.SCALED)] == [5, 2]


def test_an_approval_stands_until_its_last_campaign_may_have_ended_and_never_ends_before_its_deadline() -> None:
    """Where no time passes, a start long ago puts every campaign before the deadline, and a later one after it."""
    past = _config(clock={"time_scale": 0, "start": "2026-01-05T00:00:00Z"}, live_test={"campaigns": 1, "days": 1})
    plan = _plan(Phase.LIVE_TEST, past)
    assert plan.approval_expires == plan.approval_deadline
    later = _config(clock={"time_scale": 0, "start": "2027-01-05T00:00:00Z"}, live_test={"campaigns": 1, "days": 1})
    plan = _plan(Phase.LIVE_TEST, later)
    assert plan.approval_expires == datetime(2027, 1, 6, tzinfo=UTC) + (plan.approval_deadline - NOW)


def test_a_plan_takes_only_free_days_where_no_time_passes() -> None:
    """The last day that anything else has taken is passed on to the first campaign's start."""
    request = PlanningRequest(
        "run-a", Phase.LIVE_TEST, "x", _config(clock={"time_scale": 0}), _account(), NOW, date(2027, 2, 10)
    )
    assert plan_campaigns(request).campaigns[0].start == datetime(2027, 2, 11, tzinfo=UTC)
