"""Moves of budgets: raises only on evidence and within the approved cap, cuts at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import campaign_id
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.budget_scaling import Z, move_budgets, roi_bounds
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignPlan, DayReached

UNIT = 1_000_000
CONFIG = TrainingConfiguration()  # margin 0.4, order value 25: a conversion is worth 10
ROOM = 10_000 * UNIT


def _plan(index: int = 0, arm: str = "candidate") -> CampaignPlan:
    return CampaignPlan(
        index=index, campaign=campaign_id("run-a", Phase.SCALED, index), product="product-a", arm=arm, agent="x",
        daily_budget_micros=30 * UNIT, days=12, start=datetime(2026, 1, 5, tzinfo=UTC),
    )  # fmt: skip


def _day(conversions: float, cost: int, *, matured: bool = True, offset: int = 0, **changes: int) -> DayReport:
    values = {
        "day": date(2026, 1, 5) + timedelta(days=offset),
        "impressions": 1000,
        "clicks": 50,
        "conversions": conversions,
        "cost_micros": cost * UNIT,
        "served_micros": cost * UNIT,
        "revenue_micros": conversions * 25 * UNIT,
        "final": True,
        "matured": matured,
    }
    return DayReport.model_validate({**values, **changes})


def _reached(*days: DayReport, index: int = 0, budget: int = 30 * UNIT) -> DayReached:
    name = campaign_id("run-a", Phase.SCALED, index)
    return DayReached(campaign=name, day=3, daily_budget_micros=budget, days=days)


def _move(*days: DayReport, arm: str = "candidate", cap: int = ROOM, budget: int = 30 * UNIT) -> BudgetMove:
    (move,) = move_budgets((_plan(arm=arm),), (_reached(*days, budget=budget),), CONFIG, "emulator", cap, {})
    return move


def test_a_clear_profit_raises_by_one_step() -> None:
    """A lower bound of ROI above zero raises the budget by the configured step, and says why."""
    move = _move(_day(40, 90))
    assert move.after_micros == 36 * UNIT
    assert move.reason.startswith("raise: attributed ROI")


def test_a_clear_loss_halves_at_once() -> None:
    """An upper bound below zero halves the budget."""
    move = _move(_day(1, 90))
    assert move.after_micros == 15 * UNIT
    assert move.reason.startswith("cut: ")


@pytest.mark.parametrize(
    ("currency", "budget", "raised", "cut"),
    [
        ("JPY", 1001 * UNIT, 1201 * UNIT, 500 * UNIT),
        ("KWD", 9_999_000, 11_998_000, 4_999_000),
        ("USD", 10_010_000, 12_010_000, 5_000_000),
    ],
)
def test_a_moved_budget_is_a_whole_number_of_smallest_units(currency: str, budget: int, raised: int, cut: int) -> None:
    """A raise is never above its step and a cut never above the half, in what can be paid."""
    config = CONFIG.model_copy(update={"currency": currency})
    for day, after in ((_day(40, 90), raised), (_day(1, 90), cut)):
        (move,) = move_budgets((_plan(),), (_reached(day, budget=budget),), config, "emulator", ROOM, {})
        assert move.after_micros == after


def test_half_of_a_huge_budget_is_exact() -> None:
    """No binary fraction stands between a budget and its half."""
    assert _move(_day(1, 90), budget=1_152_921_504_606_900_000).after_micros == 576_460_752_303_450_000


def test_evidence_of_neither_holds() -> None:
    """An interval around zero moves nothing."""
    assert (_move(_day(9, 90)).after_micros, _move(_day(9, 90)).reason[:5]) == (30 * UNIT, "hold:")


def test_a_bound_of_exactly_zero_holds() -> None:
    """A raise needs a lower bound above zero; one micro more of revenue is enough."""
    cost = {"cost_micros": 8_696_601, "served_micros": 8_696_601}
    even = _day(9, 0, revenue_micros=35_156_250, **cost)
    assert roi_bounds(_reached(even), CONFIG)[0] == 0.0
    assert _move(even).reason.startswith("hold: ")
    assert _move(_day(9, 0, revenue_micros=35_156_251, **cost)).reason.startswith("raise: ")


def test_unmatured_days_decide_nothing() -> None:
    """Neither a brilliant nor a terrible day moves a budget before its conversions are in."""
    for conversions in (0, 400):
        move = _move(_day(conversions, 90, matured=False))
        assert (move.after_micros, move.reason) == (30 * UNIT, "no matured spend yet")
    assert _move().reason == "no matured spend yet"


def test_a_control_never_moves() -> None:
    """A control's budget stays, whatever it earns."""
    assert _move(_day(400, 90), arm="control").after_micros == 30 * UNIT
    assert _move(_day(0, 90), arm="control").after_micros == 30 * UNIT


def test_served_money_counts_where_it_is_ahead_of_the_bill() -> None:
    """Cost is the larger of billed and served, so that a late bill makes no profit."""
    late = _day(40, 0, cost_micros=UNIT, served_micros=90 * UNIT)
    assert roi_bounds(_reached(late), CONFIG) == roi_bounds(_reached(_day(40, 90)), CONFIG)


def test_no_conversion_in_enough_spend_is_a_cut() -> None:
    """With none seen the 90 % bound is 2.3026 conversions: worth 23.026, so 24 spent is a loss and 23 is not."""
    assert _move(_day(0, 24)).after_micros == 15 * UNIT
    assert _move(_day(0, 23)).after_micros == 30 * UNIT


def test_the_bounds_are_the_documented_ones() -> None:
    """(sqrt(n) -+ z/2)^2 conversions, times their worth, per cost, less one; never below a loss of everything."""
    low, high = roi_bounds(_reached(_day(4, 40), _day(5, 50, offset=1)), CONFIG)
    assert low == pytest.approx((sqrt(9) - Z / 2) ** 2 * 10 / 90 - 1)
    assert high == pytest.approx((sqrt(9) + Z / 2) ** 2 * 10 / 90 - 1)
    assert roi_bounds(_reached(_day(0, 40)), CONFIG)[0] == -1.0


def test_one_conversion_is_worth_less_than_one_at_the_least() -> None:
    """The lower bound of a Poisson mean with one seen is (1 - Z / 2) squared, and not one."""
    low, _ = roi_bounds(_reached(_day(1, 10)), CONFIG)
    assert low == pytest.approx((1 - Z / 2) ** 2 * 10 / 10 - 1)


def test_parts_of_conversions_count_as_what_they_are() -> None:
    """Half conversions of two days are one, in the bounds as in what each is worth."""
    halves = _reached(_day(0.5, 5, revenue_micros=13 * UNIT), _day(0.5, 5, offset=1, revenue_micros=12 * UNIT))
    assert roi_bounds(halves, CONFIG) == pytest.approx(roi_bounds(_reached(_day(1, 10)), CONFIG))


def test_refunds_and_margin_lower_the_worth() -> None:
    """What is refunded or is no contribution does not count for a raise."""
    poor = TrainingConfiguration.model_validate({"economics": {"margin": 0.1, "refund_rate": 0.5}})
    rich, less = roi_bounds(_reached(_day(40, 90)), CONFIG)[0], roi_bounds(_reached(_day(40, 90)), poor)[0]
    assert rich is not None and less is not None
    assert 1 + less == pytest.approx((1 + rich) / 8)


def test_a_raise_that_does_not_fit_the_approved_cap_is_held() -> None:
    """The cap itself may be reached, one micro less holds the budget and says so."""
    enough = worst_day_micros("emulator", 36 * UNIT, "USD")
    assert _move(_day(40, 90), cap=enough).after_micros == 36 * UNIT
    held = _move(_day(40, 90), cap=enough - 1)
    assert held.after_micros == 30 * UNIT
    assert "cap leaves no room" in held.reason


def test_a_cut_makes_no_room_on_its_own_day() -> None:
    """A platform bills the day of a cut by the budget before it, whichever campaign is moved first."""
    winner, loser = (_day(40, 90),), (_day(0, 90),)
    cap = worst_day_micros("emulator", 30 * UNIT, "USD") * 2
    first = move_budgets(
        (_plan(0), _plan(1)), (_reached(*winner, index=0), _reached(*loser, index=1)), CONFIG, "emulator", cap, {}
    )
    assert [m.after_micros for m in first] == [30 * UNIT, 15 * UNIT]
    second = move_budgets(
        (_plan(0), _plan(1)), (_reached(*loser, index=0), _reached(*winner, index=1)), CONFIG, "emulator", cap, {}
    )
    assert [m.after_micros for m in second] == [15 * UNIT, 30 * UNIT]


def test_only_campaigns_that_go_on_are_moved() -> None:
    """A campaign that has settled takes no budget and uses no room."""
    moves = move_budgets((_plan(0), _plan(1)), (_reached(_day(40, 90), index=1),), CONFIG, "emulator", 72 * UNIT, {})
    assert [(m.campaign, m.after_micros) for m in moves] == [(_plan(1).campaign, 36 * UNIT)]


_evidence = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 500), st.booleans()), max_size=4)


@given(
    campaigns=st.lists(
        st.tuples(st.sampled_from(("candidate", "control")), st.integers(0, 200 * UNIT), _evidence),
        min_size=1,
        max_size=6,
    ),
    room=st.integers(0, 100 * UNIT),
    step=st.floats(0.001, 0.2),
    platform=st.sampled_from(("emulator", "google-ads", "meta")),
)
def test_no_decision_ever_exceeds_the_cap_or_the_step(
    campaigns: list[tuple[str, int, list[tuple[int, int, bool]]]], room: int, step: float, platform: str
) -> None:
    """From any budgets within the cap, any evidence leads to budgets within the cap, none raised above one step."""
    config = TrainingConfiguration.model_validate({"scaled": {"raise_step": step}})
    plans = tuple(_plan(i, arm) for i, (arm, _, _) in enumerate(campaigns))
    reached = tuple(
        _reached(*(_day(n, cost, matured=m, offset=d) for d, (n, cost, m) in enumerate(days)), index=i, budget=budget)
        for i, (_, budget, days) in enumerate(campaigns)
    )
    cap = sum(worst_day_micros(platform, budget, "USD") for _, budget, _ in campaigns) + room
    moves = move_budgets(plans, reached, config, platform, cap, {})
    assert [m.campaign for m in moves] == [p.campaign for p in plans]
    assert sum(worst_day_micros(platform, max(m.before_micros, m.after_micros), "USD") for m in moves) <= cap
    for move, (arm, budget, _) in zip(moves, campaigns, strict=True):
        assert move.before_micros == budget
        assert 0 <= move.after_micros <= budget * (1 + step)
        assert move.reason
        assert arm == "candidate" or move.after_micros == budget
