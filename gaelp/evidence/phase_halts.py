"""Why the campaigns of a live test must not go on, from what the ledger holds of those that have ended.

The review between two campaigns and the gate ask the same, so that the gate believes no message about it. Touch this to
end a test for another reason.
"""

from __future__ import annotations

from collections.abc import Sequence

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates import judging
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns

# Futility is a stop and not a verdict, so it does not spend the gate's own level.
REVIEW_ALPHA = 0.05


def why_halted(campaigns: Sequence[CampaignResult], config: TrainingConfiguration) -> str:
    """A campaign that was broken off, a loss that is too deep, or an ROI out of reach; empty where there is none.

    `campaigns` have their days as the ledger books them.
    """
    broken = next((each.reason for each in campaigns if each.reason), "")
    if broken or not campaigns:
        return broken
    measures = measure_campaigns(SpendingEvidence(Phase.LIVE_TEST, campaigns), config, REVIEW_ALPHA)
    return judging.futility(measures.profit, config)
