"""Observations: what the agent sees, and every reason to halt that a report can give."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta

import numpy as np
import pytest

from activities.made_for import MARK
from gaelp.agents.contract import Observation
from gaelp.domain.platform_records import MOST_REPORTED, CampaignReport, CampaignState
from gaelp.platforms.protocol import PlatformError
from tests.support.activity_senders import as_workflow
from tests.support.campaign_fixture import UNIT, CampaignFixture


def test_the_agent_sees_the_report_as_its_contract_says(fixture: CampaignFixture) -> None:
    """Every field of Observation, one campaign, the report's own counts, and the money that is left of the day."""
    fixture.running()
    observed = fixture.observe(24)
    arrays = fixture.inputs.store.get_arrays(observed.observation_digest)
    assert arrays.pop(MARK).shape == (32,)
    assert set(arrays) == {f.name for f in fields(Observation)}
    assert {array.shape[0] for array in arrays.values()} == {1}
    assert (int(arrays["hour"][0]), int(arrays["weekday"][0])) == (0, 1)  # the second day, a Tuesday
    assert float(arrays["time_left"][0]) == pytest.approx(2 / 3)
    assert int(arrays["budget_left_micros"][0]) == 25 * UNIT  # a new day has spent nothing
    assert int(arrays["clicks"].sum()) == sum(day.clicks for day in observed.days) > 0
    assert arrays["mask"].all() and arrays["impressions"].dtype == np.int64
    assert observed.halt == ""


def test_a_repeated_observation_posts_nothing_more(fixture: CampaignFixture) -> None:
    """The same report again changes neither the ledger nor the digest."""
    fixture.running()
    first = fixture.observe(24)
    posted = fixture.kinds("post")
    assert fixture.observe(24) == first
    assert fixture.kinds("post") == posted
    assert fixture.ledger.spent(fixture.campaign.context.run) == first.spend_micros > 0


def test_spend_above_the_reservation_halts_and_stops_the_account(fixture: CampaignFixture) -> None:
    """A platform that serves more than was reserved trips the stop: a critical violation and a raised fence."""
    found = fixture.running()
    day = fixture.at()
    fixture.platform.real.set_budget(fixture.account, found.platform_id, 500 * UNIT, day)
    fixture.platform.real.set_delivery(fixture.account, found.platform_id, (90 * UNIT,) * 4, found.creative_prob, day)
    observed = fixture.observe(24)
    assert "more than was reserved" in observed.halt
    violations = {v.kind: v.severity for v in fixture.ledger.violations(fixture.campaign.context.run)}
    assert violations == {"over-reservation": "critical", "changed-outside": "high"}
    fence = fixture.ledger.fence(fixture.account)
    assert fence >= 1
    again = fixture.observe(24)
    # By now the day counts what the budget may be billed that somebody set; why it must halt stands still.
    assert again.halt and again.halt in observed.halt and fixture.ledger.fence(fixture.account) == fence
    assert len(fixture.ledger.violations(fixture.campaign.context.run)) == 2
    assert not fixture.apply(1).applied


@pytest.mark.parametrize("amount", [2**62, 2**63 - 1, 2**63, 2**64, 10**40])
@pytest.mark.parametrize("where", ["cost_micros", "served_micros"])
def test_more_than_any_database_holds_is_counted_and_stops_the_account(
    fixture: CampaignFixture, amount: int, where: str
) -> None:
    """The day counts at the most that can be kept, the fence rises, the campaign halts, is paused and settles."""
    fixture.running()

    def lie(report: CampaignReport) -> CampaignReport:
        told = json.loads(report.model_dump_json())
        for day in told["days"]:
            day[where] = day["clicks"] = day["revenue_micros"] = amount
        told["cells"] = {name: [[amount for _ in row] for row in rows] for name, rows in told["cells"].items()}
        return CampaignReport.model_validate_json(json.dumps(told))

    fixture.platform.changed["report"] = lie
    observed = fixture.observe(24)
    assert "more than was reserved" in observed.halt and observed.stop_account
    violations = {v.kind: v.severity for v in fixture.ledger.violations(fixture.campaign.context.run)}
    assert violations == {"over-reservation": "critical"}
    assert fixture.ledger.fence(fixture.account) == 1
    assert [day.counted_micros for day in fixture.ledger.reservations(fixture.account)] == [MOST_REPORTED]
    assert fixture.ledger.spent(fixture.campaign.context.run) == observed.spend_micros == MOST_REPORTED
    assert fixture.ledger.differing_totals(fixture.account) == ()
    assert not fixture.apply(1).applied
    fixture.settle(24 * 30)
    assert [state.enabled for state in fixture.platform.real.campaigns(fixture.account)] == [False]


@pytest.mark.parametrize("amount", [-1, -(2**63), -(10**40)])
def test_a_cost_below_nothing_is_reported_less(fixture: CampaignFixture, amount: int) -> None:
    """It frees nothing that was reported before, is a violation, and fails no tick."""
    fixture.running()
    spent = fixture.observe(12).spend_micros

    def lie(report: CampaignReport) -> CampaignReport:
        told = json.loads(report.model_dump_json())
        for day in told["days"]:
            day["cost_micros"] = day["served_micros"] = day["revenue_micros"] = amount
        return CampaignReport.model_validate_json(json.dumps(told))

    fixture.platform.changed["report"] = lie
    assert fixture.observe(24).spend_micros == 0
    assert {v.kind for v in fixture.ledger.violations(fixture.campaign.context.run)} == {"reported-less"}
    assert fixture.ledger.spent(fixture.campaign.context.run) == spent > 0


def test_a_budget_that_no_database_holds_is_counted_and_stops_the_account(fixture: CampaignFixture) -> None:
    """Somebody raised it beyond all measure: the day counts at the worst that can be kept."""
    fixture.running()
    fixture.platform.changed["read"] = lambda state: CampaignState.model_validate_json(
        state.model_dump_json().replace(
            f'"daily_budget_micros":{state.daily_budget_micros}', f'"daily_budget_micros":{10**40}'
        )
    )
    observed = fixture.observe(24)
    assert "changed on the platform and not by us: daily budget" in observed.halt and observed.stop_account
    assert fixture.ledger.fence(fixture.account) >= 1
    counted = sum(day.counted_micros for day in fixture.ledger.reservations(fixture.account))
    assert counted >= MOST_REPORTED and fixture.ledger.differing_totals(fixture.account) == ()


def test_a_loss_beyond_the_limit_on_matured_days_halts(fixtures: Callable[..., CampaignFixture]) -> None:
    """Drawdown counts matured days only, and the halt names loss and limit."""
    fixture = fixtures("live_test.drawdown_limit=1", "economics.order_value=0.01")
    fixture.running()
    assert fixture.observe(24).halt == ""
    halt = fixture.observe(24 * 30).halt
    assert "drawdown" in halt and fixture.ledger.halts(fixture.campaign.name) == {halt}


def test_a_halt_that_another_workflow_has_read_is_not_kept(fixtures: Callable[..., CampaignFixture]) -> None:
    """Anybody can have a campaign read by other terms than its own: that ends it for no gate."""
    fixture = fixtures("live_test.drawdown_limit=1", "economics.order_value=0.01")
    fixture.running()
    fixture.temporal = as_workflow("by-hand")
    assert "drawdown" in fixture.observe(24 * 30).halt
    assert fixture.ledger.halts(fixture.campaign.name) == frozenset()


@pytest.mark.parametrize("refunds", [0.0, 0.5])
def test_the_loss_that_halts_is_that_of_criterion_8(fixtures: Callable[..., CampaignFixture], refunds: float) -> None:
    """Expected refunds are taken off: where half of the revenue goes back, 30 for 20 spent is a loss and not a gain."""
    fixture = fixtures("live_test.drawdown_limit=1", f"economics.refund_rate={refunds}", "economics.margin=1")
    fixture.running()

    def earn(report: CampaignReport) -> CampaignReport:
        (day,) = report.days[:1]
        matured = day.model_copy(update={"cost_micros": 20 * UNIT, "served_micros": 20 * UNIT, "matured": True})
        return report.model_copy(update={"days": (matured.model_copy(update={"revenue_micros": 30 * UNIT}),)})

    fixture.platform.changed["report"] = earn
    halt = fixture.observe(24).halt
    assert ("have lost 5.00 USD" in halt) is (refunds > 0)


def test_a_loss_that_was_won_back_halts_all_the_same(fixtures: Callable[..., CampaignFixture]) -> None:
    """A tick and the gate judge the deepest cumulated loss, and one who wins it back has been as deep."""
    fixture = fixtures("live_test.drawdown_limit=15", "economics.refund_rate=0", "economics.margin=1")
    fixture.running()
    assert fixture.apply(1, enabled=True, applied_day=0).applied

    def lose_and_win(report: CampaignReport) -> CampaignReport:
        (day,) = report.days[:1]
        spend = {"cost_micros": 20 * UNIT, "served_micros": 20 * UNIT, "revenue_micros": 0}
        first = day.model_copy(update={**spend, "matured": True})
        second = first.model_copy(update={"day": day.day + timedelta(days=1), "revenue_micros": 60 * UNIT})
        return report.model_copy(update={"days": (first, second)})

    fixture.platform.changed["report"] = lose_and_win
    assert "have lost 20.00 USD" in fixture.observe(24).halt


def test_a_campaign_that_is_not_on_the_platform_fails_for_good(fixture: CampaignFixture) -> None:
    """Nothing to observe is no empty observation."""
    with pytest.raises(PlatformError, match="not on the platform") as failure:
        fixture.observe(24)
    assert failure.value.permanent


def test_disapproved_creatives_halt(fixture: CampaignFixture) -> None:
    """A creative that the platform disapproves of is a reason to halt, by name."""
    fixture.running()
    fixture.platform.changed["report"] = lambda report: report.model_copy(update={"disapproved": ("item-003",)})
    assert "item-003" in fixture.observe(24).halt
