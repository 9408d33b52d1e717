"""The campaigns that a person signs, each with its ceilings.

The list may be long, so it is kept in the ledger under its digest, and what is signed carries that digest and the
number of campaigns. Touch this to bind one more thing of each campaign.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date

from gaelp.domain.billing.billing_rules import ExposureLine
from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.campaign_records import Arm


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


def campaigns_digest(campaigns: Sequence[ApprovedCampaign]) -> str:
    """SHA-256 hex of the list in its order, as canonical JSON."""
    listed = [campaign.model_dump(mode="json") for campaign in campaigns]
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


NO_CAMPAIGNS = campaigns_digest(())
"""The digest of the empty list: a request that names it lets no campaign spend."""
