"""The approval under which the campaigns of a sequence spend. Touch this when a request binds one more thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import LiveCampaignInput

UNIT = 1_000_000
CANDIDATES = 2
RAISED = 35 * UNIT  # the highest daily budget that a sequence may ask for


def approve(
    ledger: Ledger, key: signatures.NewKey, campaigns: Sequence[LiveCampaignInput], first_day: date, now: datetime
) -> None:
    """Open a request for these campaigns, with room for the raise that a sequence may ask for, and approve it."""
    context, order = campaigns[0].context, campaigns[0].order
    request = ApprovalRequest.model_validate(
        {
            "request_id": order.request_id,
            "nonce": "once",
            "account": context.account,
            "run": context.run,
            "phase": context.phase,
            "purpose": "spend",
            "currency": "USD",
            "daily_cap_micros": 200 * UNIT,
            "total_cap_micros": 2000 * UNIT,
            "agent": context.agent,
            "checkpoint_digest": context.checkpoint_digest,
            "config_digest": context.config_digest,
            "market_digest": context.market_digest,
            "evidence_digest": "e" * 64,
            "exposure_digest": "f" * 64,
            "campaigns_digest": ledger.keep_campaigns([_listed(campaign, first_day) for campaign in campaigns]),
            "campaign_count": len(campaigns),
            "fence": 0,
            "expires_at": now + timedelta(days=60),
        }
    )
    ledger.open_request(request, "the table", now)
    payload = signatures.sign(key.pem, request, "approve").model_dump()
    outcome = ledger.decide(request.request_id, "approved", payload, now)
    assert outcome.accepted, outcome.reason


def _listed(campaign: LiveCampaignInput, first_day: date) -> ApprovedCampaign:
    plan = campaign.order.plan
    return ApprovedCampaign(
        ceiling=exposure_line(plan.campaign, "emulator", RAISED, plan.days, "USD"),
        agent=plan.agent,
        product=plan.product,
        arm=plan.arm,
        content_digest=content_digest(plan.product, creatives_of(plan.product, CANDIDATES)),
        first_day=first_day,
        last_day=first_day + timedelta(days=plan.days - 1),
    )
