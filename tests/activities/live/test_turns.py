"""The end of one tick and the beginning of the next in one call, on the real emulator."""

from __future__ import annotations

from activities.live.turns import Turns
from gaelp.messages.live_campaign import AppliedAndObserved, Apply
from gaelp.platforms.protocol import PlatformError
from tests.support.campaign_fixture import CampaignFixture


def _turn(fixture: CampaignFixture) -> AppliedAndObserved:
    """The first tick's decision, and what the second one observes."""
    asked = Apply(campaign=fixture.campaign, decision_digest=fixture.decide(), at=fixture.at())
    both: AppliedAndObserved = fixture.temporal.run(
        Turns(fixture.campaigns, fixture.observations).apply_and_observe, asked
    )
    return both


def test_the_next_tick_is_observed_as_its_own_activity_would(fixture: CampaignFixture) -> None:
    """The same observation, by digest, the same days, and the same posts in the ledger."""
    fixture.launch()
    both = _turn(fixture)
    assert both.applied.applied and both.following is not None and both.following.spend_micros > 0
    posted = fixture.kinds("post")
    assert posted == ["post"]
    assert both.following == fixture.observe(24, enabled=True)
    assert fixture.kinds("post") == posted


def test_what_was_applied_stands_though_the_next_tick_cannot_be_read(fixture: CampaignFixture) -> None:
    """The reading is left to its own tick; a failure of it is none of the write."""
    fixture.launch()

    def away() -> None:
        raise PlatformError("the platform is away", permanent=False)

    fixture.platform.before["report"] = away
    both = _turn(fixture)
    assert both.applied.applied and both.following is None
    assert fixture.observe(24, enabled=True).spend_micros > 0


def test_nothing_is_read_after_an_apply_that_was_blocked(fixture: CampaignFixture) -> None:
    """A stopped campaign is paused next, and its clock is not moved before."""
    fixture.launch()
    fixture.stop()
    both = _turn(fixture)
    assert not both.applied.applied and both.following is None and fixture.kinds("post") == []
