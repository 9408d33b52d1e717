"""What an observation and a decision of a live campaign were made for: a mark within their own stored content.

Whoever reaches Temporal can answer in an activity's place, and can name there only what is in the content store, into
which the activities alone write. So an answer with the mark of a campaign's tick was made by our own code for it.
Touch this to bind one more thing to a decision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from gaelp.arrays import Array
from gaelp.errors import GaelpError
from gaelp.messages.live_campaign import LiveCampaignInput
from gaelp.records.content_store import canonical_json

MARK = "made_for"


class MadeForSomethingElse(GaelpError):
    """What is to be used was made for another campaign or tick, or by other terms."""

    permanent = True


def marked(arrays: Mapping[str, Array], campaign: LiveCampaignInput, memory_digest: str = "") -> dict[str, Array]:
    """The arrays with the mark of the campaign's tick; a decision's names the memory with which it was made."""
    return {**arrays, MARK: _mark(campaign, memory_digest)}


def check_made_for(
    arrays: Mapping[str, Array], what: str, campaign: LiveCampaignInput, memory_digest: str = ""
) -> None:
    """Raise MadeForSomethingElse where the arrays have not that mark."""
    mark = arrays.get(MARK)
    if mark is None or not np.array_equal(mark, _mark(campaign, memory_digest)):
        raise MadeForSomethingElse(
            f"the {what} was not made for tick {campaign.progress.tick} of {campaign.name} by its own terms: somebody "
            "has answered in the place of the activity that makes it"
        )


def _mark(campaign: LiveCampaignInput, memory_digest: str) -> Array:
    """SHA-256 [32] over what makes a decision what it is, and the approval binds of it."""
    plan = campaign.order.plan
    terms = {
        "context": campaign.context.model_dump(mode="json"),
        "campaign": {name: getattr(plan, name) for name in ("campaign", "index", "product", "arm", "agent", "days")},
        "tick": campaign.progress.tick,
        "at": campaign.at().isoformat(),
        # What the observation says of the time and the money that are left.
        "start": campaign.progress.start.isoformat(),
        "day_minutes": campaign.progress.day_minutes,
        "tick_hours": campaign.order.tick_hours,
        "daily_budget_micros": campaign.progress.daily_budget_micros,
        "memory": memory_digest,
    }
    return np.frombuffer(hashlib.sha256(canonical_json(terms)).digest(), np.uint8)
