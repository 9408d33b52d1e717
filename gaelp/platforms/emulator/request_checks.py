"""Which requests the emulator refuses. Touch this to make it as strict as a real platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gaelp.domain.platform_records import CampaignSpec, Creative
from gaelp.platforms.emulator.delivery import Campaign
from gaelp.platforms.emulator.refusal import INVALID, Refusal
from gaelp.platforms.emulator.settings_timeline import from_us, to_us


def new_campaign(spec: CampaignSpec, account: str, at_us: int, shape: tuple[int, ...]) -> None:
    """Raise Refusal unless the campaign fits its account, its world's [S, K] and its own sizes."""
    if spec.account != account:
        raise _invalid(f"the campaign is for account {spec.account!r}, the call for {account!r}")
    if not spec.external_name or len(spec.external_name) > 200:
        raise _invalid("the campaign's name has 0 or more than 200 characters")
    _shape(spec.bid_micros, spec.creative_prob, (spec.segments, len(spec.creatives)))
    if shape != (spec.segments, len(spec.creatives)):
        raise _invalid(
            f"the campaign has {spec.segments} segments x {len(spec.creatives)} creatives, "
            f"the account's world {shape[0]} x {shape[1]}"
        )
    _end(to_us(spec.end_at), at_us)


def write(campaign: Campaign, at_us: int, fields: Mapping[str, Any]) -> None:
    """Raise Refusal unless the fields fit the campaign."""
    latest = campaign.timeline.latest
    if "bid_micros" in fields:
        shape = (len(latest.creative_prob), len(latest.creative_prob[0]))
        _shape(fields["bid_micros"], fields["creative_prob"], shape)
    if "end_us" in fields and fields["end_us"] != latest.end_us:
        _end(fields["end_us"], at_us)


def other_creatives(campaign: Campaign, creatives: tuple[Creative, ...]) -> None:
    """Raise Refusal unless there are as many ads as before."""
    before = len(campaign.timeline.latest.creative_prob[0])
    if len(creatives) != before:
        raise _invalid(f"{len(creatives)} creatives for a campaign of {before}")


def still_to_come(campaign: Campaign, begins_us: int) -> None:
    """Raise Refusal where a campaign has passed the instant at which a planned change begins: no past is changed."""
    if campaign.reached > begins_us:
        reached = from_us(campaign.reached).isoformat()
        raise _invalid(f"{campaign.external_name} has come to {reached} before: plan the change for a later day")


def _shape(bids: tuple[int, ...], shares: tuple[tuple[float, ...], ...], shape: tuple[int, int]) -> None:
    segments, creatives = shape
    if not segments or not creatives:
        raise _invalid("a campaign needs at least one segment and one creative")
    if len(bids) != segments:
        raise _invalid(f"{len(bids)} bids for {segments} segments")
    if len(shares) != segments or any(len(row) != creatives for row in shares):
        raise _invalid(f"the creative shares are not {segments} segments x {creatives} creatives")


def _end(end_us: int, at_us: int) -> None:
    if end_us < at_us:
        raise _invalid(f"the end {from_us(end_us).isoformat()} lies before {from_us(at_us).isoformat()}")


def _invalid(what: str) -> Refusal:
    return Refusal(422, INVALID, f"Refused: {what}.")
