"""`plan --account` reads the account from its platform, here the real emulator, and asks what an export is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.campaign_fixture import CampaignFixture


def test_an_account_is_measured_from_what_its_platform_reports(
    fixture: CampaignFixture, verb: Callable[..., tuple[int, Any]]
) -> None:
    """Without a day nothing is measured; with one, its days and conversions are counted, and said to be too few."""
    code, document = verb("plan")
    assert code == 2 and "reports no day" in document["error"]
    fixture.running()
    fixture.observe()
    code, document = verb("plan")
    assert code == 2 and "are too few to measure anything" in document["error"]
    code, document = verb("plan", "--today", "2026-03-01")
    assert code == 2 and "of a FILE only" in document["error"]
