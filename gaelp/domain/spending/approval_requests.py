"""What an approval is bound to: the request, and the canonical bytes of it that a person signs.

A changed byte of agent, configuration, market, evidence, campaigns, exposure, caps, fence or card changes the digest,
and with it voids the signature.

Touch this to change what a signature covers. What a person reads before signing is in approval_card.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import ExposureLine
from gaelp.domain.frozen import Frozen
from gaelp.domain.ids import checked_name, phase_id, request_id
from gaelp.domain.phases import LIVE_HEADS, Phase
from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS, ApprovedCampaign
from gaelp.errors import GaelpError
from gaelp.money import exact_money

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CAMPAIGN = re.compile(r"\A[a-z0-9-]+/[a-z-]+/campaign-[0-9]+\Z")


class UnfitRequest(GaelpError, ValueError):
    """Nobody may be asked this: a name in it is none, or a campaign is not the phase's own."""

    permanent = True


class ApprovalPurpose(StrEnum):
    """What an approval is asked for."""

    SPEND = "spend"  # the first cent of a phase
    RAISE = "raise"  # higher ceilings for a phase that was approved before


class ApprovalDecision(StrEnum):
    """What a person decides about a request: also the name of the signal, and a word of what is signed."""

    APPROVE = "approve"
    REJECT = "reject"


class ApprovalRequest(Frozen):
    """What a person signs: canonical JSON of this model (sorted keys, no spaces), UTF-8."""

    request_id: str  # "RUN/live-test#1"; single use
    nonce: str  # drawn when it is opened, so that a signature for an equal request elsewhere is none; consumed once
    account: str
    run: str
    phase: Phase
    purpose: ApprovalPurpose
    currency: str
    daily_cap_micros: int  # worst case per day
    total_cap_micros: int  # worst case over the phase
    agent: str
    checkpoint_digest: str
    config_digest: str
    market_digest: str  # of the calibrated market that its agent is told of: segments, candidates and their features
    evidence_digest: str
    exposure_digest: str  # of the exposure table shown to the person
    campaigns_digest: str = NO_CAMPAIGNS  # of the list in the ledger: every campaign with its ceilings and its content
    campaign_count: int = 0
    unvalidated_heads: tuple[str, ...] = ()  # decision heads that no log validated; approving allows them by name
    card_digest: str = ""  # of the card that was shown; empty: it may be shown to nobody
    fence: int
    expires_at: datetime


class PasskeyAssertion(Frozen):
    """What a passkey signs over (W3C Web Authentication, section 7.2): both base64url."""

    authenticator_data: str
    client_data: str  # JSON whose challenge is the text that a key file would sign


class SignedDecision(Frozen):
    """The body of an approve or reject signal. `request_digest` is SHA-256 of the request's canonical JSON.

    The signature is over the UTF-8 text `gaelp-DECISION:REQUEST_DIGEST` (DECISION is approve or reject). A passkey
    signs what `passkey` holds, in which that text is the challenge.
    """

    request_id: str
    decision: str  # an ApprovalDecision; plain text, because it comes from outside and is judged by the ledger
    request_digest: str
    key_id: str
    signature: str  # base64; of a key file Ed25519, of a passkey Ed25519 or ES256
    reason: str = ""
    looked_seconds: Annotated[float, Field(ge=0, le=1e9)] | None = None  # as the signer's own program tells; not signed
    passkey: PasskeyAssertion | None = None  # none: signed with a key file


class RequestApproval(Frozen):
    """Opens an approval request (idempotent on its id)."""

    run: str
    phase: Phase
    config_digest: str
    market_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    purpose: ApprovalPurpose
    sequence: int
    daily_cap_micros: int
    total_cap_micros: int
    campaigns_digest: str  # of the list of campaigns, which is in the ledger
    deadline: datetime  # silence until then is a refusal
    expires_at: datetime
    now: datetime


class Evidence(Frozen):
    """What the gates before a phase have shown of the checkpoint that is asked for, as the ledger keeps it."""

    digest: str = ""  # of the last gate that was passed; empty where none was
    validated_heads: tuple[str, ...] = ()


class ApprovalOutcome(Frozen):
    """What the ledger made of a submitted decision."""

    accepted: bool  # a valid, authorised decision: it now stands
    decision: ApprovalDecision | None = None  # where accepted
    approver: str = ""
    reason: str  # refusal: one sentence


def canonical(request: ApprovalRequest) -> bytes:
    """Canonical JSON of a request: sorted keys, no spaces, UTF-8."""
    return _json(request.model_dump(mode="json"))


def request_digest(request: ApprovalRequest) -> str:
    """SHA-256 hex of the canonical JSON."""
    return hashlib.sha256(canonical(request)).hexdigest()


def exposure_digest(exposure: Sequence[ExposureLine]) -> str:
    """SHA-256 hex of the exposure table that is shown."""
    return hashlib.sha256(_json([line.model_dump(mode="json") for line in exposure])).hexdigest()


def most_in_all(requests: Iterable[ApprovalRequest]) -> int:
    """The most that these requests allow, in micros: the largest of each phase of a run, all of which it caps."""
    caps: dict[tuple[str, Phase], int] = {}
    for each in requests:
        phase = (each.run, each.phase)
        caps[phase] = max(caps.get(phase, 0), each.total_cap_micros)
    return sum(caps.values())


def asked_in_a_sentence(request: ApprovalRequest, *, void: bool) -> str:
    """What a person is asked for, in one sentence, as it stands on every page and in every list."""
    total, daily = (exact_money(m, request.currency) for m in (request.total_cap_micros, request.daily_cap_micros))
    asked = f"{request.request_id} asks for at most {total} in all, {daily} on any one day"
    return f"{asked} (void since a stop: its phase asks anew)" if void else asked


def signing_text(decision: str, digest: str) -> bytes:
    """The bytes that an approver signs; raises ValueError for a decision other than approve and reject."""
    if decision not in set(ApprovalDecision):
        raise ValueError(f"a decision is {' or '.join(ApprovalDecision)}, not {decision!r}")
    return f"gaelp-{decision}:{digest}".encode()


def request_for(
    opening: RequestApproval, campaigns: Sequence[ApprovedCampaign], account: Account, evidence: Evidence, nonce: str
) -> ApprovalRequest:
    """The request that a phase asks a person to sign, under the account's fence of now; raises UnfitRequest.

    `nonce` must be unguessable: two ledgers may have an account, a run and a key of the same names.
    """
    _check_names(opening, campaigns)
    bound = {
        "request_id": request_id(opening.run, opening.phase, opening.sequence),
        "nonce": nonce,
        "account": account.account,
        "run": opening.run,
        "phase": opening.phase.value,
        "purpose": opening.purpose.value,
        "currency": account.currency,
        "daily_cap_micros": opening.daily_cap_micros,
        "total_cap_micros": opening.total_cap_micros,
        "agent": opening.agent,
        "checkpoint_digest": opening.checkpoint_digest,
        "config_digest": opening.config_digest,
        "market_digest": opening.market_digest,
        "evidence_digest": evidence.digest,
        "exposure_digest": exposure_digest([campaign.ceiling for campaign in campaigns]),
        "campaigns_digest": opening.campaigns_digest,
        "campaign_count": len(campaigns),
        "unvalidated_heads": [head for head in LIVE_HEADS if head not in evidence.validated_heads],
        "fence": account.fence,
        "expires_at": opening.expires_at.isoformat(),
    }
    return ApprovalRequest.model_validate(bound)


def _check_names(opening: RequestApproval, campaigns: Sequence[ApprovedCampaign]) -> None:
    """What a person reads before signing holds names and digests only: any other text could tell him something else.

    Campaigns are the phase's own, because a stop of the run looks for them under its name.
    """
    try:
        for name in (
            opening.run,
            opening.account,
            opening.agent,
            *(n for c in campaigns for n in (c.agent, c.product)),
        ):
            checked_name(name, "in an approval request")
    except ValueError as error:
        raise UnfitRequest(str(error)) from error
    for field in ("config_digest", "market_digest", "checkpoint_digest", "campaigns_digest"):
        digest = getattr(opening, field)
        if not _DIGEST.match(digest):
            raise UnfitRequest(f"{field} of an approval request is {digest[:80]!r}, which is no digest")
    phase = phase_id(opening.run, opening.phase)
    for campaign in campaigns:
        if not (campaign.campaign.startswith(f"{phase}/") and _CAMPAIGN.search(campaign.campaign)):
            raise UnfitRequest(f"campaign {campaign.campaign!r} is none of {phase}, which asks for an approval")


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
