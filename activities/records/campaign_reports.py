"""RECORDS: keeps in the ledger what campaigns report of themselves, and tells them how their budgets were moved.

Only the campaign's own workflow is heard: its id is the campaign's name, and while it runs nobody else can have it.
What costs money is not believed from here; the gate holds it against the ledger's own figures. Touch this when a
campaign reports, or is told, one more thing.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from temporalio import activity

from activities.inputs import Inputs
from activities.records.senders import check_sender
from gaelp.domain.ids import phase_id, phase_of_campaign, run_of_campaign
from gaelp.domain.spending.campaign_records import CUT_TO_NOTHING, BudgetMove, CampaignResult, DayReached
from gaelp.ledger.ledger import Ledger
from gaelp.messages.spending_phase import BudgetMoves, LetProceed, Proceed

SIGNALS_AT_ONCE = 20


class CampaignReports:
    """What is kept once is never changed; a repeated call changes nothing."""

    def __init__(self, ledger: Ledger, inputs: Inputs) -> None:
        self._ledger = ledger
        self._inputs = inputs

    @activity.defn(no_thread_cancel_exception=True)
    def keep_reached(self, reached: DayReached) -> None:
        """How far a campaign is, for the decision about its budget."""
        check_sender(reached.campaign, f"how far {reached.campaign} is")
        self._ledger.keep_reached(reached, datetime.now(UTC))

    @activity.defn(no_thread_cancel_exception=True)
    def keep_result(self, result: CampaignResult) -> None:
        """How a campaign ended, for its gate and for the rows of the warehouse."""
        check_sender(result.campaign, f"how {result.campaign} ended")
        self._ledger.keep_result(result, datetime.now(UTC))

    @activity.defn
    async def let_proceed(self, let: LetProceed) -> None:
        """Signal every campaign of a decision; one that has ended meanwhile takes no signal, which is no error.

        Where one gets nothing any more the ledger keeps that first: nobody else may end it so for its gate.
        """
        moves = await asyncio.to_thread(self._kept_moves, let.moves_digest)
        for first in range(0, len(moves), SIGNALS_AT_ONCE):
            at_once = moves[first : first + SIGNALS_AT_ONCE]
            await asyncio.gather(*(_signal(move, let.until_day) for move in at_once))

    def _kept_moves(self, digest: str) -> tuple[BudgetMove, ...]:
        moves = BudgetMoves.model_validate(self._inputs.store.get_document(digest)).moves
        for move in moves:
            phase = phase_id(run_of_campaign(move.campaign), phase_of_campaign(move.campaign))
            check_sender(phase, f"the budget of {move.campaign}")
            if move.after_micros == 0:
                self._ledger.keep_halt(move.campaign, CUT_TO_NOTHING, datetime.now(UTC))
        return moves


async def _signal(move: BudgetMove, until_day: int) -> None:
    from temporalio.service import RPCError, RPCStatusCode

    proceed = Proceed(until_day=until_day, daily_budget_micros=move.after_micros)
    try:
        await activity.client().get_workflow_handle(move.campaign).signal("proceed", proceed)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
