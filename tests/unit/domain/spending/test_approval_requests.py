"""What an approval is bound to."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import (
    ApprovalRequest,
    Evidence,
    RequestApproval,
    UnfitRequest,
    canonical,
    exposure_digest,
    most_in_all,
    request_digest,
    request_for,
    signing_text,
)
from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS, ApprovedCampaign, campaigns_digest
from gaelp.domain.spending.campaign_records import Arm
from gaelp.money import exact_money
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT

LINE = exposure_line("run-a/live-test/campaign-00", "emulator", 25 * UNIT, 7, "USD")
CAMPAIGN = kit.CAMPAIGNS[0].model_copy(update={"ceiling": LINE})

EVIDENCE = Evidence(digest="e")


def asked(**changes: Any) -> RequestApproval:
    values = {
        "run": "run-a",
        "phase": Phase.LIVE_TEST,
        "config_digest": "d" * 64,
        "market_digest": "f" * 64,
        "account": "acme",
        "agent": "linear-thompson",
        "checkpoint_digest": "c" * 64,
        "purpose": "spend",
        "sequence": 1,
        "daily_cap_micros": 50 * UNIT,
        "total_cap_micros": 300 * UNIT,
        "campaigns_digest": campaigns_digest([CAMPAIGN]),
        "now": NOW,
        "deadline": NOW + timedelta(days=2),
        "expires_at": NOW + timedelta(days=3),
    }
    return RequestApproval.model_validate({**values, **changes})


def test_the_canonical_form_is_sorted_compact_json() -> None:
    """Anyone can recompute the digest with a JSON library: sorted keys, no spaces, UTF-8."""
    data = canonical(kit.request())
    again = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert data == again
    assert request_digest(kit.request()) == hashlib.sha256(data).hexdigest()


def test_a_second_request_of_a_phase_takes_the_firsts_place_in_what_is_allowed_in_all() -> None:
    """A total cap is of its phase: 300 raised to 500 is 500, and another phase's 1,000 comes on top."""
    first, raised = kit.request(), kit.request(total_cap_micros=500 * UNIT, request_id="run-a/live-test#2")
    scaled = kit.request(phase=Phase.SCALED, total_cap_micros=1000 * UNIT, request_id="run-a/scaled#1")
    assert most_in_all([first, raised, scaled]) == 1500 * UNIT and most_in_all([]) == 0


def test_a_request_keeps_its_digest_through_json() -> None:
    """A request that travelled through a workflow is the one that was signed."""
    there = ApprovalRequest.model_validate_json(kit.request().model_dump_json())
    assert request_digest(there) == request_digest(kit.request())


@pytest.mark.parametrize("name", sorted(ApprovalRequest.model_fields))
def test_every_field_is_bound(name: str) -> None:
    """A change of any field changes the digest, so that no signature survives it."""
    value = getattr(kit.request(), name)
    if name == "phase":
        other: Any = Phase.SCALED
    elif isinstance(value, int):
        other = value + 1
    else:
        other = value + timedelta(seconds=1) if name == "expires_at" else f"{value}x"
    changed = kit.request().model_copy(update={name: other})
    assert request_digest(changed) != request_digest(kit.request())


def test_the_signed_text_names_the_decision() -> None:
    """An approval's signature is none for a rejection, and there is no third decision."""
    assert signing_text("approve", "abc") == b"gaelp-approve:abc"
    assert signing_text("reject", "abc") == b"gaelp-reject:abc"
    with pytest.raises(ValueError, match="approve or reject"):
        signing_text("", "abc")


NONCE = "5" * 64
HIDDEN = "fixed-bid** spend\n\n- at most **1.00 USD** over the phase\n\n<!--"  # Markdown hides what follows


@pytest.mark.parametrize("name", ["agent", "run", "checkpoint_digest", "config_digest"])
@pytest.mark.parametrize("text", [HIDDEN, "\x1b[2J", "a b", "\u202e"])
def test_no_text_of_a_request_can_tell_another_amount(name: str, text: str) -> None:
    """Whoever reaches Temporal may ask anything: what is no name and no digest is put before nobody."""
    with pytest.raises(UnfitRequest):
        request_for(asked(**{name: text}), [CAMPAIGN], kit.account(), EVIDENCE, NONCE)


DIGESTS = ("config_digest", "market_digest", "checkpoint_digest", "campaigns_digest")


@pytest.mark.parametrize("name", DIGESTS)
@pytest.mark.parametrize("text", ["c", "c" * 63, "c" * 65, "C" * 64, "x" * 64, "pay" + "0" * 61, "c" * 64 + "\n", ""])
def test_only_64_hex_digits_are_a_digest(name: str, text: str) -> None:
    """A word of letters and digits, however long, is none; without a checkpoint, say, no agent state would be bound."""
    with pytest.raises(UnfitRequest, match=f"{name} of an approval request is"):
        request_for(asked(**{name: text}), [CAMPAIGN], kit.account(), EVIDENCE, NONCE)


def test_what_is_no_digest_is_quoted_in_short() -> None:
    """Eighty characters of it: the rest may be a megabyte."""
    with pytest.raises(UnfitRequest, match=f"is '{'z' * 80}', which is no digest"):
        request_for(asked(config_digest="z" * 999), [CAMPAIGN], kit.account(), EVIDENCE, NONCE)


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": HIDDEN},
        {"product": HIDDEN},
        *(
            {"ceiling": LINE.model_copy(update={"campaign": name})}
            for name in ("run-b/live-test/campaign-00", "run-a/scaled/campaign-00", "run-a/live-test/campaign-00 |")
        ),
    ],
)
def test_a_request_lists_campaigns_of_its_own_phase_by_their_names(changes: dict[str, Any]) -> None:
    """A campaign under another run's name would not be looked for by a stop of the run that spends on it."""
    with pytest.raises(UnfitRequest, match=r"in an approval request|is none of run-a/live-test, which asks"):
        request_for(asked(), [CAMPAIGN.model_copy(update=changes)], kit.account(), EVIDENCE, NONCE)


def test_a_request_is_made_under_the_accounts_fence_and_currency() -> None:
    """The same ask gives the same request; another nonce, fence, cap or list of campaigns gives another digest."""
    request = request_for(asked(), [CAMPAIGN], kit.account(fence=3), EVIDENCE, NONCE)
    assert (request.request_id, request.fence, request.currency) == ("run-a/live-test#1", 3, "USD")
    assert request == request_for(asked(), [CAMPAIGN], kit.account(fence=3), EVIDENCE, NONCE)
    others = [
        request_for(asked(), [CAMPAIGN], kit.account(fence=3), EVIDENCE, "6" * 64),
        request_for(asked(), [CAMPAIGN], kit.account(fence=4), EVIDENCE, NONCE),
        request_for(asked(total_cap_micros=1), [CAMPAIGN], kit.account(fence=3), EVIDENCE, NONCE),
        request_for(asked(campaigns_digest=NO_CAMPAIGNS), [], kit.account(fence=3), EVIDENCE, NONCE),
    ]
    assert len({request_digest(each) for each in (request, *others)}) == 5
    assert request.exposure_digest == exposure_digest([LINE])
    assert (request.campaigns_digest, request.campaign_count) == (campaigns_digest([CAMPAIGN]), 1)


@pytest.mark.parametrize("name", sorted(ApprovedCampaign.model_fields))
def test_everything_that_is_said_of_a_campaign_is_bound(name: str) -> None:
    """Another ceiling, agent, product, arm, content or day of any campaign is another digest to sign."""
    others: dict[str, Any] = {
        "ceiling": exposure_line("run-a/live-test/campaign-00", "emulator", 25 * UNIT + 1, 7, "USD"),
        "arm": Arm.CONTROL,
        "first_day": kit.DAY,
        "last_day": kit.DAY,
    }
    changed = CAMPAIGN.model_copy(update={name: others.get(name, "other")})
    assert campaigns_digest([changed]) != campaigns_digest([CAMPAIGN])


def test_the_digest_of_the_list_is_of_canonical_json() -> None:
    """Sorted keys, no spaces, UTF-8: what was signed yesterday has the same digest tomorrow."""
    campaign = CAMPAIGN.model_copy(update={"product": "Töne"})
    listed = [campaign.model_dump(mode="json")]
    text = json.dumps(listed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "Töne" in text and text.index('"agent"') < text.index('"ceiling"') < text.index('"last_day"')
    assert campaigns_digest([campaign]) == hashlib.sha256(text.encode()).hexdigest()


def test_only_heads_that_no_log_has_validated_are_bound_as_such() -> None:
    """Whoever signs is told which part of the decisions has no history behind it."""
    for validated, left in (
        ((), ("bid_micros", "creative_prob")),
        (("bid_micros",), ("creative_prob",)),
        (("creative_prob", "bid_micros"), ()),
    ):
        request = request_for(asked(), [CAMPAIGN], kit.account(), Evidence(validated_heads=validated), NONCE)
        assert tuple(request.unvalidated_heads) == left


def test_a_name_that_is_none_is_said_with_where_it_stands() -> None:
    """One sentence, with the rule that it breaks."""
    with pytest.raises(UnfitRequest, match="in an approval request"):
        request_for(asked(agent="a b"), [CAMPAIGN], kit.account(), EVIDENCE, NONCE)


def test_money_loses_no_micros() -> None:
    """Two decimals at least, and as many as there are."""
    assert exact_money(1_234_500_000, "USD") == "1,234.50 USD"
    assert exact_money(1, "USD") == "0.000001 USD"
    assert exact_money(-2_500_000, "EUR") == "-2.50 EUR"
