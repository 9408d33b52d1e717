"""Which request a spending phase may draw on, as its state says."""

from __future__ import annotations

import pytest

from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalDecision
from gaelp.messages.spending_phase import ApprovalState
from tests.support.ledgers import request

CARD = ApprovalCard(request=request(), request_digest="d" * 64, text="the card")


def test_an_approved_request_may_be_drawn_on() -> None:
    """The id is that of the card's request."""
    state = ApprovalState(card=CARD, decision=ApprovalDecision.APPROVE)
    assert state.request_id == CARD.request.request_id


@pytest.mark.parametrize(
    "state",
    [ApprovalState(), ApprovalState(card=CARD), ApprovalState(card=CARD, decision=ApprovalDecision.REJECT)],
    ids=["not asked", "not decided", "rejected"],
)
def test_no_request_may_be_drawn_on_before_it_is_approved(state: ApprovalState) -> None:
    """Neither a request that nobody has decided on nor a rejected one."""
    assert state.request_id == ""
