"""What a campaign's workflow tells of how it ended."""

from __future__ import annotations

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import LONGEST_TEXT, Arm, CampaignEnded, CampaignResult


@pytest.mark.parametrize("state", EpisodeState)
def test_an_ending_is_told_in_short(state: EpisodeState) -> None:
    """State and spend as they are, and of each text as much as a message carries for one of many campaigns."""
    result = CampaignResult(
        campaign="run-a/scaled/campaign-00", index=0, product="shoes", arm=Arm.CANDIDATE, state=state, spend_micros=7,
        reason="r" * (LONGEST_TEXT + 1), interruption="i" * (LONGEST_TEXT + 1),
    )  # fmt: skip
    expected = CampaignEnded(
        state=state, spend_micros=7, reason="r" * LONGEST_TEXT, interruption="i" * LONGEST_TEXT
    )  # fmt: skip
    assert result.in_short() == expected
