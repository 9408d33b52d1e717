"""The approval card: what a person reads before signing an approval request. Touch this to show more on it."""

from __future__ import annotations

from collections.abc import Sequence

from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.money import exact_money

CAMPAIGNS_SHOWN = 60  # on a card, which travels as text through workflows


class ApprovalCard(Frozen):
    """An open request, with the text that a person sees before signing."""

    request: ApprovalRequest
    request_digest: str
    text: str  # markdown


SYNTHETIC_MARKET = "Synthetic market: no log of this run calibrates the market that its agent was trained in."


def card_text(request: ApprovalRequest, campaigns: Sequence[ApprovedCampaign], *, synthetic_market: bool) -> str:
    """Markdown of what a person is about to sign: the caps, every campaign with its ceilings, and what is bound."""
    currency = request.currency
    lines = [
        f"### {request.purpose.capitalize()}: {request.run}, phase {request.phase}",
        "",
        f"Approving lets agent **{request.agent}** spend on account **{request.account}** until "
        f"{request.expires_at.isoformat()}:",
        "",
        f"- at most **{exact_money(request.daily_cap_micros, currency)}** on any one day",
        f"- at most **{exact_money(request.total_cap_micros, currency)}** over the phase",
        f"- in {request.campaign_count} campaigns and no others, each at most as follows; more needs a new request",
        "",
        "| campaign | agent | advertises | highest platform budget per day | days | between | worst day | worst in all "
        "| rule |",
        "|---|---|---|---:|---:|---|---:|---:|---|",
    ]
    lines += [_row(campaign, currency) for campaign in campaigns[:CAMPAIGNS_SHOWN]]
    if len(campaigns) > CAMPAIGNS_SHOWN:
        lines += ["", f"{len(campaigns) - CAMPAIGNS_SHOWN} more campaigns are in the ledger and bound by the digest."]
    if request.unvalidated_heads:
        lines += ["", f"No log has validated how it decides: {', '.join(request.unvalidated_heads)}."]
    if synthetic_market:
        lines += ["", SYNTHETIC_MARKET]
    if not request.evidence_digest:
        lines += ["", "**The evidence is missing**: no phase of this run has passed a gate before this one."]
    lines += [
        "",
        f"Bound to checkpoint `{request.checkpoint_digest}`, configuration `{request.config_digest}`, "
        f"market `{request.market_digest}`, "
        f"evidence `{request.evidence_digest or 'none'}`, exposure `{request.exposure_digest}`, "
        f"campaigns `{request.campaigns_digest}`, fence {request.fence}.",
        "",
        f"Request `{request.request_id}`, digest `{request_digest(request)}`.",
    ]
    return "\n".join(lines)


def asked_in_a_sentence(request: ApprovalRequest, *, void: bool) -> str:
    """What a person is asked for, in one sentence, as it stands on every page and in every list."""
    total, daily = (exact_money(m, request.currency) for m in (request.total_cap_micros, request.daily_cap_micros))
    asked = f"{request.request_id} asks for at most {total} in all, {daily} on any one day"
    return f"{asked} (void since a stop: its phase asks anew)" if void else asked


def _row(campaign: ApprovedCampaign, currency: str) -> str:
    line = campaign.ceiling
    budget, day, total = (
        exact_money(m, currency) for m in (line.daily_budget_micros, line.worst_day_micros, line.worst_total_micros)
    )
    advertised = f"{campaign.product} ({campaign.arm}), texts `{campaign.content_digest[:12]}`"
    between = f"{campaign.first_day.isoformat()} and {campaign.last_day.isoformat()}"
    return (
        f"| {line.campaign} | {campaign.agent} | {advertised} | {budget} | {line.days} | {between} | {day} | {total} "
        f"| {line.rule} |"
    )
