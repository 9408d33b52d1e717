"""Observations: what the agent sees, and every reason to halt that a report can give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from gaelp.agents.contract import Observation
from gaelp.platforms.protocol import PlatformError
from tests.support.campaign_stand import UNIT, Stand


def test_the_agent_sees_the_report_as_its_contract_says(stand: Stand) -> None:
    """Every field of Observation, one campaign, the report's own counts, and the money that is left of the day."""
    stand.running()
    observed = stand.observe(24)
    arrays = stand.inputs.store.get_arrays(observed.observation_digest)
    assert set(arrays) == {f.name for f in fields(Observation)}
    assert {array.shape[0] for array in arrays.values()} == {1}
    assert (int(arrays["hour"][0]), int(arrays["weekday"][0])) == (0, 1)  # the second day, a Tuesday
    assert float(arrays["time_left"][0]) == pytest.approx(2 / 3)
    assert int(arrays["budget_left_micros"][0]) == 25 * UNIT  # a new day has spent nothing
    assert int(arrays["clicks"].sum()) == sum(day.clicks for day in observed.days) > 0
    assert arrays["mask"].all() and arrays["impressions"].dtype == np.int64
    assert observed.halt == ""


def test_a_repeated_observation_posts_nothing_more(stand: Stand) -> None:
    """The same report again changes neither the ledger nor the digest."""
    stand.running()
    first = stand.observe(24)
    posted = stand.kinds("post")
    assert stand.observe(24) == first
    assert stand.kinds("post") == posted
    assert stand.ledger.spent(stand.campaign.context.run) == first.spend_micros > 0


def test_spend_above_the_reservation_halts_and_stops_the_account(stand: Stand) -> None:
    """A platform that serves more than was reserved trips the stop: a critical violation and a raised fence."""
    found = stand.running()
    day = stand.at()
    stand.platform.real.set_budget(stand.account, found.platform_id, 500 * UNIT, day)
    stand.platform.real.set_delivery(stand.account, found.platform_id, (90 * UNIT,) * 4, found.creative_prob, day)
    observed = stand.observe(24)
    assert "more than was reserved" in observed.halt
    violations = {v.kind: v.severity for v in stand.ledger.violations(stand.campaign.context.run)}
    assert violations == {"over-reservation": "critical", "changed-outside": "high"}
    fence = stand.ledger.fence(stand.account)
    assert fence >= 1
    again = stand.observe(24)
    assert (again.halt, stand.ledger.fence(stand.account)) == (observed.halt, fence)
    assert len(stand.ledger.violations(stand.campaign.context.run)) == 2
    assert not stand.apply(1).applied


def test_a_loss_beyond_the_limit_on_matured_days_halts(stands: Callable[..., Stand]) -> None:
    """Drawdown counts matured days only, and the halt names loss and limit."""
    stand = stands("live_test.drawdown_limit=1", "economics.order_value=0.01")
    stand.running()
    assert stand.observe(24).halt == ""
    assert "drawdown" in stand.observe(24 * 30).halt


def test_a_campaign_that_is_not_on_the_platform_fails_for_good(stand: Stand) -> None:
    """Nothing to observe is no empty observation."""
    with pytest.raises(PlatformError, match="not on the platform") as failure:
        stand.observe(24)
    assert failure.value.permanent


def test_disapproved_creatives_halt(stand: Stand) -> None:
    """A creative that the platform disapproves of is a reason to halt, by name."""
    stand.running()
    stand.platform.changed["report"] = lambda report: report.model_copy(update={"disapproved": ("item-003",)})
    assert "item-003" in stand.observe(24).halt
