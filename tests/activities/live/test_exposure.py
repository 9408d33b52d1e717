"""The verb `exposure` on the real emulator: the most that running campaigns may be billed, from reading alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.support.campaign_fixture import CampaignFixture

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
