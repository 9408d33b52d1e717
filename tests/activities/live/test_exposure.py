"""The verb `exposure` on the real emulator: the most that running campaigns may be billed, from reading alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.campaign_fixture import CampaignFixture, another_campaign

Exposure = Callable[..., tuple[int, Any]]


@pytest.fixture
def exposure(verb: Callable[..., tuple[int, Any]]) -> Exposure:
    """Run the verb on the fixture's account; its exit code and its JSON."""
    return partial(verb, "exposure")


def test_a_running_campaign_and_a_cap(fixture: CampaignFixture, exposure: Exposure) -> None:
    """Today may bill twice the budget, and a cap below that is exceeded today, at the worst and not as expected."""
    state = fixture.running()
    budget = state.daily_budget_micros
    code, document = exposure("--cap", f"{1.5 * budget / 1e6:.2f}/month")
    assert code == 0 and document["total"]["today"]["unedited_micros"] == 2 * budget
    assert document["campaigns"][0]["may_bill"] == document["total"]
    assert document["cap_exceeded"]["at_worst"] == document["today"] < document["cap_exceeded"]["as_expected"]


def test_nothing_runs_and_a_cap_without_a_period(fixture: CampaignFixture, exposure: Exposure) -> None:
    """An account without an enabled campaign answers so; a cap of which nobody knows the period is refused."""
    code, document = exposure()
    assert (code, document["campaigns"]) == (0, [])
    fixture.running()
    code, document = exposure("--cap", "2000")
    assert code == 2 and "2000/month" in document["error"]


def test_names_cannot_be_left_out_of_an_account(fixture: CampaignFixture, exposure: Exposure) -> None:
    """An option that would be passed over is refused: a page with names must not be taken for one without."""
    code, document = exposure("--anonymous")
    assert code == 2 and "--anonymous" in document["error"]


def test_a_cap_counts_what_a_paused_campaign_was_billed(fixture: CampaignFixture, exposure: Exposure) -> None:
    """Twenty hours of ours and then a pause: of the cap so much is used, while another campaign runs."""
    platform, ours = fixture.platform.real, fixture.running()
    report = platform.report(fixture.account, ours.platform_id, fixture.at(20))
    billed = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    platform.pause(fixture.account, ours.platform_id, fixture.at(20))
    platform.enable(fixture.account, another_campaign(fixture, "another").platform_id, fixture.at(20))
    code, document = exposure("--cap", "1000/month")
    assert (code, [each["campaign"] for each in document["campaigns"]]) == (0, ["another"])
    assert document["stopped_micros"] == billed > 0
