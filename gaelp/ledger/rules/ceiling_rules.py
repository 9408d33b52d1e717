"""Whether a campaign day lies within what a person has signed for that campaign.

The list of signed campaigns holds ceilings: whoever asks must be one of them, with the agent, checkpoint,
configuration and content that were signed, and within its budget, days and dates. So a workflow that somebody starts
by hand can spend nothing else. Touch this to change what a signature allows a campaign.
"""

from __future__ import annotations

from datetime import timedelta

from gaelp.domain.ids import index_of_key
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.ledger_records import Reserve
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import Reservation
from gaelp.money import exact_money


def judge_ceilings(
    booking: Reserve,
    approved: ApprovedCampaign | None,
    request: ApprovalRequest,
    other_days: int,
    currency: str,
) -> Ruling:
    """Whether the asking campaign is a signed one and stays within its ceilings; the sentence names what differs.

    `other_days` is on how many other days the campaign has reservations, whatever has become of them.
    """
    if approved is None:
        return refused(f"approval {request.request_id} lists no campaign {booking.campaign}: it needs a new request")
    signed = {
        "agent": approved.agent,
        "arm": approved.arm,
        "checkpoint_digest": request.checkpoint_digest,
        "config_digest": request.config_digest,
        "market_digest": request.market_digest,
        "content_digest": approved.content_digest,
    }
    differing = [name for name, value in signed.items() if getattr(booking, name) != value]
    if differing:
        return refused(
            f"approval {request.request_id} was signed for campaign {booking.campaign} with another "
            f"{' and '.join(_word(name) for name in differing)}: it needs a new request"
        )
    return _judge_amounts(booking, approved, request, other_days, currency)


def judge_start(booking: Reserve, other: Reservation | None, approved: ApprovedCampaign) -> Ruling:
    """Whether the number in the day's key counts from the day on which the campaign has begun.

    `other` is another day of the campaign, if it has one. The start comes from whoever asks: with another one a
    campaign would be in a later period, and its budget could rise again.
    """
    try:
        begins = booking.day - timedelta(days=index_of_key(booking.key))
    except ValueError as error:
        return refused(str(error))
    began = begins if other is None else other.day - timedelta(days=index_of_key(other.key))
    if begins == began and begins >= approved.first_day:
        return GRANTED
    return refused(
        f"{booking.key} is {booking.day.isoformat()}, as of a campaign that begins on {begins.isoformat()}, and this "
        f"one has begun on {max(began, approved.first_day).isoformat()}: count its days from there"
    )


def _word(field: str) -> str:
    return "configuration" if field == "config_digest" else field.removesuffix("_digest")


def _judge_amounts(
    booking: Reserve, approved: ApprovedCampaign, request: ApprovalRequest, other_days: int, currency: str
) -> Ruling:
    asked, ceiling = booking.worst_case_micros, approved.ceiling
    if asked > ceiling.worst_day_micros:
        most, wanted = (exact_money(m, currency) for m in (ceiling.worst_day_micros, asked))
        return refused(
            f"{wanted} was asked for {booking.key}, and approval {request.request_id} lets the campaign be billed at "
            f"most {most} on a day: a raise needs a new request"
        )
    if not approved.first_day <= booking.day <= approved.last_day:
        return refused(
            f"{booking.key} is {booking.day.isoformat()}, and approval {request.request_id} lets the campaign run from "
            f"{approved.first_day.isoformat()} to {approved.last_day.isoformat()}: another day needs a new request"
        )
    if other_days + 1 > ceiling.days:
        return refused(
            f"{booking.key} would be one day more than the {ceiling.days} of approval {request.request_id}: more days "
            "need a new request"
        )
    return GRANTED
