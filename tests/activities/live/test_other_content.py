"""What is advertised under our name is what was signed: other texts are never enabled, and an edited ad is noticed."""

from __future__ import annotations

import httpx
import pytest

from gaelp.domain.platform_records import CampaignSpec, Creative
from gaelp.domain.spending.advertised_content import content_digest
from tests.activities.live.test_reaping import reap
from tests.support.campaign_fixture import RUN, CampaignFixture
from tests.support.local_runs import LocalRuns


def _found(fixture: CampaignFixture) -> list[tuple[str, str]]:
    return [(v.kind, v.severity) for v in fixture.ledger.violations(RUN)]


def test_a_campaign_of_our_name_with_other_texts_is_not_launched_and_bills_nothing(
    fixture: CampaignFixture,
) -> None:
    """Made by somebody before us, with just our settings: the launch is refused, and no later call enables it."""
    spec = _asked(fixture)
    texts = tuple(each.model_copy(update={"headline": "Unsigned"}) for each in spec.creatives)
    squatted = fixture.platform.real.create_paused(spec.model_copy(update={"creatives": texts}), fixture.at())
    launched = fixture.launch()
    asked, found = (content_digest(spec.product, each) for each in (spec.creatives, texts))
    words = f"digest of its content: we wrote {asked}, and the platform reads {found}"
    assert not launched.launched and words in launched.reason
    assert _found(fixture) == [("changed-outside", "high")] and fixture.ledger.fence(fixture.account) == 1
    assert not fixture.apply().applied
    assert fixture.platform.calls == [] and fixture.found() == squatted
    assert fixture.settle(24).spend_micros == 0


def test_a_campaign_of_our_name_with_another_product_is_not_launched(fixture: CampaignFixture) -> None:
    """The same texts for another product are another content."""
    spec = _asked(fixture).model_copy(update={"product": "product-z"})
    fixture.platform.real.create_paused(spec, fixture.at())
    launched = fixture.launch()
    assert not launched.launched and "digest of its content" in launched.reason


def test_a_campaign_that_was_never_launched_is_not_enabled(fixture: CampaignFixture) -> None:
    """Whoever calls for a decision without a launch has nothing that was compared with what was asked for."""
    fixture.platform.real.create_paused(_asked(fixture), fixture.at())
    applied = fixture.apply()
    assert not applied.applied and "never launched" in applied.halt
    assert fixture.platform.calls == []


@pytest.mark.parametrize("looks", ["observe", "apply"])
def test_an_ad_that_somebody_edits_halts_and_stops_the_account(
    fixture: CampaignFixture, local_runs: LocalRuns, looks: str
) -> None:
    """Noticed by the next reading, with both digests; the day counts in full and the fence is raised."""
    state, spec = fixture.running(), _asked(fixture)
    texts = (spec.creatives[0].model_copy(update={"body": "Unsigned"}), *spec.creatives[1:])
    _edit_ads(fixture, local_runs, state.platform_id, texts)
    seen = fixture.observe(13, enabled=True) if looks == "observe" else fixture.apply(0)
    assert seen.stop_account
    assert f"we wrote {state.content_digest}, and the platform reads" in seen.halt
    assert content_digest(spec.product, texts) in seen.halt
    assert _found(fixture) == [("changed-outside", "high")] and fixture.ledger.fence(fixture.account) == 1
    assert fixture.platform.calls == []


def test_the_reaper_pauses_a_campaign_whose_ad_was_edited(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """Between two ticks, or where its workflow was terminated, the look notices it and raises the fence."""
    state, spec = fixture.running(), _asked(fixture)
    texts = tuple(each.model_copy(update={"headline": "Unsigned"}) for each in spec.creatives)
    _edit_ads(fixture, local_runs, state.platform_id, texts)
    assert reap(fixture).paused == (fixture.campaign.name,)
    assert _found(fixture) == [("changed-outside", "high")] and fixture.ledger.fence(fixture.account) == 1


def _asked(fixture: CampaignFixture) -> CampaignSpec:
    """What the launch asks the platform to create."""
    creatives = fixture.campaigns._claiming.creatives(fixture.campaign)
    account = fixture.ledger.account(fixture.account)
    return fixture.campaigns._wanted.at_creation(fixture.campaign, creatives, account)


def _edit_ads(
    fixture: CampaignFixture, local_runs: LocalRuns, platform_id: str, creatives: tuple[Creative, ...]
) -> None:
    """What a person does to the ads in the platform's own pages."""
    settings = local_runs.settings
    httpx.put(
        f"{settings.emulator_url}/control/accounts/{fixture.account}/campaigns/{platform_id}/creatives",
        headers={"Authorization": f"Bearer {settings.emulator_token}"},
        json={"creatives": [each.model_dump() for each in creatives]}, trust_env=False,
    ).raise_for_status()  # fmt: skip
