"""Changes planned in the emulator's hidden world: from their first day on, for their campaigns, and within the law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from safetensors import numpy as safetensors_numpy

from gaelp.domain.platform_records import DayReport
from gaelp.platforms.emulator.hidden_world import PlannedChange
from gaelp.platforms.emulator.refusal import Refusal
from gaelp.platforms.emulator.service import Emulator
from gaelp.platforms.emulator.wire import Create
from tests.support.emulators import START, Server, busy_market, make_spec

Make = Callable[..., Emulator]
BEFORE, DAYS = 10, 20  # days before the change, and in all
FIRST = START.date() + timedelta(days=BEFORE)
UNIT = 1_000_000


def change(**what: Any) -> PlannedChange:
    return PlannedChange.model_validate({"account": "acme", "campaign": "one", "first_day": FIRST, **what})


def busy(emulator: Emulator, name: str = "one", **changes: Any) -> str:
    """A campaign with many conversions, enabled at START."""
    emulator.put_world("acme", safetensors_numpy.save(busy_market().to_arrays()))
    spec = make_spec(name, end_at=START + timedelta(days=DAYS + 60), **changes)
    created = emulator.create("acme", Create(spec=spec, at=START))
    emulator.write("acme", created.platform_id, START, enabled=True)
    return created.platform_id


def days_of(emulator: Emulator, campaign: str, days: int = DAYS) -> tuple[DayReport, ...]:
    """Its whole days, reported when all conversions have come."""
    at = START + timedelta(days=days)
    emulator.report("acme", campaign, at)
    emulator.write("acme", campaign, at, enabled=False)
    return emulator.report("acme", campaign, at + timedelta(days=30)).days


def share(days: Sequence[DayReport], of: str, by: str) -> float:
    return sum(getattr(day, of) for day in days) / sum(getattr(day, by) for day in days)


@pytest.mark.parametrize(
    ("what", "of", "by"),
    [({"click_rate": 0.5}, "clicks", "impressions"), ({"conversion_rate": 0.5}, "conversions", "clicks")],
)
def test_a_rate_halves_from_its_day_on_and_not_before(in_process: Make, what: Any, of: str, by: str) -> None:
    """Days before are those of the unchanged world to the last click, those after have half of the rate."""
    plain, planned = in_process(), in_process()
    planned.plan_change(change(**what))
    unchanged, changed = (days_of(emulator, busy(emulator)) for emulator in (plain, planned))
    assert changed[:BEFORE] == unchanged[:BEFORE]
    assert 0.45 < share(changed[BEFORE:], of, by) / share(unchanged[BEFORE:], of, by) < 0.55


def test_a_silent_tag_reports_nothing_that_converts_on_its_days(in_process: Make) -> None:
    """No conversion comes from its first day on, of older clicks neither; clicks and cost are those of before."""
    plain, planned = in_process(), in_process()
    planned.plan_change(change(silent_tag=True))
    unchanged, changed = (days_of(emulator, busy(emulator)) for emulator in (plain, planned))
    assert [(day.clicks, day.cost_micros) for day in changed] == [(day.clicks, day.cost_micros) for day in unchanged]
    assert [day.conversions for day in changed[BEFORE:]] == [0.0] * (DAYS - BEFORE)
    assert 0 < changed[BEFORE - 1].conversions < unchanged[BEFORE - 1].conversions
    assert changed[:3] == unchanged[:3]


def test_a_change_ends_before_its_last_day(in_process: Make) -> None:
    """A tag that is mended reports again, and what it missed stays unreported."""
    emulator = in_process()
    emulator.plan_change(change(silent_tag=True, until_day=FIRST + timedelta(days=3)))
    days = days_of(emulator, busy(emulator))
    assert days[BEFORE].conversions < days[BEFORE + 3].conversions / 2
    assert sum(day.conversions for day in days[BEFORE + 3 :]) > 25 * (DAYS - BEFORE - 3)


def test_a_doubled_pace_bills_twice_the_budget_a_day_and_a_month_no_more_than_is_lawful(in_process: Make) -> None:
    """Each day from then on bills two budgets, until the calendar month has billed 30.4 of them."""
    emulator = in_process()
    emulator.plan_change(change(pace=2.0, first_day=START.date() + timedelta(days=1)))
    days = days_of(emulator, busy(emulator), days=28)
    assert all(1.9 * 25 * UNIT < day.cost_micros <= 50 * UNIT for day in days[1:10])
    month = [day.cost_micros for day in days if day.day.month == START.month]
    assert 30 * 25 * UNIT < sum(month) <= 30.4 * 25 * UNIT
    thrifty = in_process(overdelivery=1.0)
    thrifty.plan_change(change(pace=2.0))
    assert max(day.cost_micros for day in days_of(thrifty, busy(thrifty))) <= 25 * UNIT


def test_others_are_left_alone_and_a_pattern_names_many(in_process: Make) -> None:
    """Another name and another account have the world of before; `on*` is `one`, which is created later."""
    plain, planned = in_process(), in_process()
    planned.plan_change(change(campaign="on*", click_rate=0.0))
    planned.plan_change(change(campaign="other", account="someone", click_rate=0.0))
    assert days_of(planned, busy(planned, "other")) == days_of(plain, busy(plain, "other"))
    assert all(day.clicks == 0 for day in days_of(planned, busy(planned))[BEFORE:])


def test_a_restarted_emulator_keeps_the_plan(in_process: Make) -> None:
    """A server on another's file goes on as the one that never stopped."""
    whole, first = in_process(), in_process("kept.db")
    for emulator in (whole, first):
        emulator.plan_change(change(click_rate=0.5, silent_tag=True))
    (campaign,) = {busy(whole), busy(first)}
    first.report("acme", campaign, START + timedelta(days=BEFORE + 2))
    first._store.close()
    assert days_of(in_process("kept.db"), campaign) == days_of(whole, campaign)


def test_no_past_is_changed(in_process: Make) -> None:
    """A change of a day that a campaign has passed is refused, and the campaign goes on as it would have."""
    plain, emulator = in_process(), in_process()
    (campaign,) = {busy(plain), busy(emulator)}
    emulator.report("acme", campaign, START + timedelta(days=BEFORE, hours=1))
    with pytest.raises(Refusal, match="plan the change for a later day"):
        emulator.plan_change(change(click_rate=0.5))
    assert days_of(emulator, campaign) == days_of(plain, campaign)
    assert len(emulator.plan_change(change(campaign="another"))) == 1


def test_a_running_campaign_is_changed_on_a_day_to_come(in_process: Make) -> None:
    """A plan made while the campaign runs holds as one that was made before it."""
    early, late = in_process(), in_process()
    early.plan_change(change(click_rate=0.5))
    (campaign,) = {busy(early), busy(late)}
    late.report("acme", campaign, START + timedelta(days=3))
    late.plan_change(change(click_rate=0.5))
    assert days_of(late, campaign) == days_of(early, campaign)


def test_it_is_planned_over_the_control_address(server: Server) -> None:
    """POST /control/changes answers with the account's plan, and refuses what no platform may or a calendar knows."""
    plan = {"account": "planned", "campaign": "run/*", "first_day": str(date(2026, 12, 1)), "pace": 2.0}
    (told,) = server.control("POST", "/changes", json=plan)
    assert (told["campaign"], told["pace"], told["click_rate"]) == ("run/*", 2.0, 1.0)
    for wrong in ({"pace": 2.1}, {"click_rate": -1}, {"until_day": "2026-12-01"}, {"first_day": "someday"}, {"x": 1}):
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            server.control("POST", "/changes", json={**plan, **wrong})
