"""The campaigns that a person signs, each with its ceilings.

The list may be long, so it is kept in the ledger under its digest, and what is signed carries that digest and the
number of campaigns. Touch this to bind one more thing of each campaign, or to show it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date

from gaelp.domain.billing.billing_rules import ExposureLine
from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.campaign_records import Arm
from gaelp.money import exact_money

CAMPAIGNS_SHOWN = 60  # in a table that travels as text through workflows


class ApprovedCampaign(Frozen):
    """One campaign as it is signed: who decides in it, what it advertises, and the most that it may be given."""

    ceiling: ExposureLine  # its name, highest daily budget and most days, and the worst that they may cost
    agent: str  # who decides in it
    product: str
    arm: Arm
    content_digest: str  # of what it advertises
    first_day: date  # days of the ad account's time zone, both within
    last_day: date  # fixed when it is signed: neither a late approval nor an outage moves it

    @property
    def campaign(self) -> str:
        """Its name."""
        return self.ceiling.campaign


def campaign_table(campaigns: Sequence[ApprovedCampaign], currency: str) -> list[tuple[str, ...]]:
    """Every campaign with its ceilings: a row of headings, then one for each."""
    headings = ("campaign", "agent", "advertises", "budget per day", "days", "between", "worst day", "worst in all")
    return [headings, *(_row(campaign, currency) for campaign in campaigns)]


def _row(campaign: ApprovedCampaign, currency: str) -> tuple[str, ...]:
    line = campaign.ceiling
    budget, day, total = (
        exact_money(m, currency) for m in (line.daily_budget_micros, line.worst_day_micros, line.worst_total_micros)
    )
    advertised = f"{campaign.product} ({campaign.arm}), texts {campaign.content_digest[:12]}"
    return (line.campaign, campaign.agent, advertised, budget, str(line.days), _between(campaign), day, total)


def _between(campaign: ApprovedCampaign) -> str:
    return f"{campaign.first_day.isoformat()} and {campaign.last_day.isoformat()}"


def campaigns_digest(campaigns: Sequence[ApprovedCampaign]) -> str:
    """SHA-256 hex of the list in its order, as canonical JSON."""
    listed = [campaign.model_dump(mode="json") for campaign in campaigns]
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


NO_CAMPAIGNS = campaigns_digest(())
"""The digest of the empty list: a request that names it lets no campaign spend."""
