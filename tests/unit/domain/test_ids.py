"""Ids and keys: their forms are promises to the ledger, to Temporal and to whoever reads a run's history."""

from __future__ import annotations

import pytest

from gaelp.domain.ids import batch_id, campaign_id, checked_name, claim_key, replay_id, request_id, reservation_key
from gaelp.domain.phases import Phase


def test_ids_derive_from_the_run() -> None:
    """Each id begins with its parent's, so that a repeated call comes to the same one."""
    assert batch_id("a", Phase.SIMULATION, 7) == "a/simulation/batch-0007"
    assert replay_id("a", "obd") == "a/historical/obd"
    assert request_id("a", Phase.LIVE_TEST, 1) == "a/live-test#1"
    campaign = campaign_id("a", Phase.SCALED, 3)
    assert campaign == "a/scaled/campaign-03"
    assert reservation_key(campaign, 2) == "a/scaled/campaign-03/day-002"
    assert claim_key(campaign, 2, "pause") == "a/scaled/campaign-03/tick-00002/pause"


@pytest.mark.parametrize("name", ["", "A", "a/b", "-a", "a-", "a" * 64, "a\n"])
def test_a_name_that_could_not_be_a_path_is_refused(name: str) -> None:
    """The refusal names what the name was for."""
    with pytest.raises(ValueError, match=r"^run .* is not a valid name"):
        checked_name(name, "run")
    assert checked_name("a-1", "run") == "a-1"
