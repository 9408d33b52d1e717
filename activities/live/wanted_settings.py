"""LIVE: the settings that a campaign is created with and that a decision becomes, clamped to our own bounds.

It calls no platform and no ledger. Touch this when a platform takes another setting.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from activities.inputs import Inputs
from activities.live.campaign_days import campaign_clock
from activities.made_for import check_made_for
from gaelp.domain.ad_accounts import Account
from gaelp.domain.platform_records import CampaignSpec, CampaignState, Creative
from gaelp.domain.spending.advertised_content import content_digest
from gaelp.domain.spending.dollar_bounds import highest_bid_micros
from gaelp.messages.live_campaign import LiveCampaignInput


class WantedSettings:
    """Reads markets and decisions from the content store."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def at_creation(
        self, campaign: LiveCampaignInput, creatives: tuple[Creative, ...], account: Account
    ) -> CampaignSpec:
        """What the platform is asked to create: no bid, every creative as often."""
        segments, candidates = self._inputs.market(campaign.context.market_digest).ctr.shape
        return CampaignSpec(
            external_name=campaign.name,
            account=campaign.context.account,
            product=campaign.order.plan.product,
            daily_budget_micros=campaign.progress.daily_budget_micros,
            end_at=_day_end(campaign, account),
            segments=segments,
            creatives=creatives,
            bid_micros=(0,) * segments,
            creative_prob=((1.0 / candidates,) * candidates,) * segments,
        )

    def check_decided(self, campaign: LiveCampaignInput, digest: str) -> None:
        """Raise MadeForSomethingElse where that is not what the agent has decided for the campaign's tick."""
        decision = self._inputs.store.get_arrays(digest)
        check_made_for(decision, "decision", campaign, campaign.progress.memory_digest)

    def by_decision(
        self, campaign: LiveCampaignInput, before: CampaignState, digest: str, account: Account
    ) -> CampaignState:
        """What the campaign is to read back with once a decision is applied to what it reads now."""
        decision = self._inputs.store.get_arrays(digest)
        changes: dict[str, object] = {
            "enabled": True,
            "daily_budget_micros": campaign.progress.daily_budget_micros,
            "end_at": _day_end(campaign, account),
        }
        if "bid_micros" in decision:
            bids = np.clip(decision["bid_micros"][0], 0, highest_bid_micros(account))
            changes["bid_micros"] = tuple(int(b) for b in bids)
        if "creative_prob" in decision:
            changes["creative_prob"] = tuple(tuple(float(p) for p in row) for row in decision["creative_prob"][0])
        wanted, held = before.model_copy(update=changes), campaign.progress.held
        return wanted if held is None else held.limited(wanted, before)

    def clamped(self, digest: str, account: Account) -> bool:
        """Whether a decision had a bid above the highest that we make."""
        bids = self._inputs.store.get_arrays(digest).get("bid_micros")
        return bids is not None and bool((bids > highest_bid_micros(account)).any())


def as_asked(spec: CampaignSpec, state: CampaignState) -> CampaignState:
    """What we asked the platform to create, under the id that it gave: what differs from it is not our doing."""
    asked = {name: getattr(spec, name) for name in ("external_name", "daily_budget_micros", "end_at")}
    heads = {"bid_micros": spec.bid_micros, "creative_prob": spec.creative_prob}
    content = content_digest(spec.product, spec.creatives)
    return state.model_copy(update={**asked, **heads, "content_digest": content, "enabled": False})


def same_but_enabled(state: CampaignState, wanted: CampaignState) -> bool:
    """Whether everything reads as wanted, enabled or not."""
    return state.model_copy(update={"enabled": wanted.enabled}) == wanted


def within_held(campaign: LiveCampaignInput) -> LiveCampaignInput:
    """The campaign with the daily budget that monitoring leaves it."""
    progress = campaign.progress
    if progress.held is None:
        return campaign
    lower = min(progress.daily_budget_micros, progress.held.daily_budget_micros)
    return campaign.model_copy(update={"progress": progress.model_copy(update={"daily_budget_micros": lower})})


def _day_end(campaign: LiveCampaignInput, account: Account) -> datetime:
    """The lease ends with the day that is reserved, so nothing runs on unreserved money if we die.

    Midnight of the account's zone: a day there may have 23 or 25 hours.
    """
    return campaign_clock(campaign, account).end_of_day(campaign.progress.tick)
