"""What an approval is bound to: the canonical bytes that are signed and the card that a person reads first.

Touch this to change what a signature covers. A changed byte of agent, configuration, evidence, exposure, caps or
fence changes the digest, and with it voids the signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from gaelp.training.messages import Account, ApprovalRequest, ExposureLine, RequestApproval
from gaelp.training.names import LIVE_HEADS

DECISIONS = ("approve", "reject")


def canonical(request: ApprovalRequest) -> bytes:
    """Canonical JSON of a request: sorted keys, no spaces, UTF-8."""
    return _json(request.model_dump(mode="json"))


def request_digest(request: ApprovalRequest) -> str:
    """SHA-256 hex of the canonical JSON."""
    return hashlib.sha256(canonical(request)).hexdigest()


def exposure_digest(exposure: Sequence[ExposureLine]) -> str:
    """SHA-256 hex of the exposure table that is shown."""
    return hashlib.sha256(_json([line.model_dump(mode="json") for line in exposure])).hexdigest()


def signing_text(decision: str, digest: str) -> bytes:
    """The bytes that an approver signs; raises ValueError for a decision other than approve and reject."""
    if decision not in DECISIONS:
        raise ValueError(f"a decision is {' or '.join(DECISIONS)}, not {decision!r}")
    return f"gaelp-{decision}:{digest}".encode()


def request_for(ask: RequestApproval, account: Account) -> ApprovalRequest:
    """The request that a spending phase asks a person to sign, under the account's fence of now."""
    bound = {
        "request_id": f"{ask.run}/{ask.phase}#{ask.sequence}",
        "account": account.account,
        "run": ask.run,
        "phase": ask.phase.value,
        "purpose": ask.purpose,
        "currency": account.currency,
        "daily_cap_micros": ask.daily_cap_micros,
        "total_cap_micros": ask.total_cap_micros,
        "agent": ask.agent,
        "checkpoint_digest": ask.checkpoint_digest,
        "config_digest": ask.config_digest,
        "evidence_digest": ask.evidence_digest,
        "exposure_digest": exposure_digest(ask.exposure),
        "unvalidated_heads": [head for head in LIVE_HEADS if head not in ask.validated_heads],
        "fence": account.fence,
        "expires_at": ask.expires_at.isoformat(),
    }
    nonce = hashlib.sha256(_json(bound)).hexdigest()
    return ApprovalRequest.model_validate({**bound, "nonce": nonce})


def card_text(request: ApprovalRequest, exposure: Sequence[ExposureLine]) -> str:
    """Markdown of what a person is about to sign: the caps, the worst case of each campaign, and what is bound."""
    currency = request.currency
    lines = [
        f"### {request.purpose.capitalize()}: {request.run}, phase {request.phase}",
        "",
        f"Approving lets agent **{request.agent}** spend on account **{request.account}** until "
        f"{request.expires_at.isoformat()}:",
        "",
        f"- at most **{money(request.daily_cap_micros, currency)}** on any one day",
        f"- at most **{money(request.total_cap_micros, currency)}** over the phase",
        "",
        "| campaign | platform budget per day | days | worst day | worst in all | rule |",
        "|---|---:|---:|---:|---:|---|",
    ]
    lines += [_row(line, currency) for line in exposure]
    if request.unvalidated_heads:
        lines += ["", f"No log has validated how it decides: {', '.join(request.unvalidated_heads)}."]
    lines += [
        "",
        f"Bound to checkpoint `{request.checkpoint_digest}`, configuration `{request.config_digest}`, "
        f"evidence `{request.evidence_digest}`, exposure `{request.exposure_digest}`, fence {request.fence}.",
        "",
        f"Request `{request.request_id}`, digest `{request_digest(request)}`.",
    ]
    return "\n".join(lines)


def money(micros: int, currency: str) -> str:
    """An amount for people: at least two decimals, none of its micros lost."""
    whole, rest = divmod(abs(micros), 1_000_000)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole:,}.{decimals} {currency}"


def _row(line: ExposureLine, currency: str) -> str:
    amounts = [money(m, currency) for m in (line.daily_budget_micros, line.worst_day_micros, line.worst_total_micros)]
    return f"| {line.campaign} | {amounts[0]} | {line.days} | {amounts[1]} | {amounts[2]} | {line.rule} |"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
