"""RECORDS: opens approval requests in the ledger, submits decisions to it, and notes signals that were refused.

The card that a person reads before signing is made in gaelp/domain/spending/approval_card.py; when a signature
counts is decided in gaelp/ledger. Touch this when a request or a decision carries one more thing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain

from temporalio import activity

from gaelp.domain.phases import PHASE_ORDER
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.approval_card import card_digest, card_text
from gaelp.domain.spending.approval_requests import (
    ApprovalOutcome,
    ApprovalRequest,
    RequestApproval,
    request_for,
)
from gaelp.domain.spending.card_facts import AccountNow, CardFacts, EarnedSoFar, GateOnCard, RunTerms
from gaelp.evidence.profit import SHOWN_ALPHA, contribution_share, matured_of, roi, roi_lower_bound
from gaelp.ledger.booked_evidence import Reported, at_booked_cost
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import RunStopped
from gaelp.ledger.rules.approval_rules import passed_before
from gaelp.messages.pausing import NoteRefusedSignals
from gaelp.messages.spending_phase import CheckRequest, OpenedRequest, RequestStanding, SubmitDecision

NONCE_BYTES = 32


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Approvals:
    """Decides nothing: the ledger does.

    `terms` reads a configuration and a market by their digests; `now` is the wall clock.
    """

    def __init__(
        self, ledger: Ledger, terms: Callable[[str, str], RunTerms], now: Callable[[], datetime] = _wall_clock
    ) -> None:
        self._ledger = ledger
        self._terms = terms
        self._now = now

    @activity.defn(no_thread_cancel_exception=True)
    def request_approval(self, wanted: RequestApproval) -> OpenedRequest:
        """Open the request (once) and return the card that was opened, whatever a retry would compute.

        Nothing is opened where the phase rests on a lost pass: nobody could approve it.
        """
        if lost := self._ledger.judge_passes(wanted).reason:
            return OpenedRequest(standing=RequestStanding(pass_lost=lost))
        account = self._ledger.account(wanted.account)
        campaigns = self._ledger.approved_campaigns(wanted.campaigns_digest)
        evidence = passed_before(wanted, self._ledger.verdicts(wanted.run))
        request = request_for(wanted, campaigns, account, evidence, secrets.token_hex(NONCE_BYTES))
        text = card_text(request, campaigns, self._facts(wanted))
        request = request.model_copy(update={"card_digest": card_digest(text)})
        try:
            card = self._ledger.open_request(request, text, wanted.now)
        except RunStopped as stopped:
            return OpenedRequest(standing=RequestStanding(run_stopped=str(stopped)))
        return OpenedRequest(card=card, standing=self._standing(request))

    def _facts(self, wanted: RequestApproval) -> CardFacts:
        """What the ledger has of the run and the account, in the account's currency."""
        terms, run = self._terms(wanted.config_digest, wanted.market_digest), self._ledger.run(wanted.run)
        verdicts = {kept.phase: kept for kept in self._ledger.verdicts(wanted.run)}
        before = PHASE_ORDER[: PHASE_ORDER.index(wanted.phase)]
        return CardFacts(
            terms=terms,
            now=self._account_now(wanted.account, wanted.now),
            gates=[GateOnCard(p, v.verdict, v.criteria) for p in before if (v := verdicts.get(p))],
            earned=_earned(self._reported(wanted).values(), terms),
            approved_before=self._ledger.approved_requests(wanted.run),
            started_at=run.at if run else None,
            starter=run.starter_of(wanted.account, wanted.agent, wanted.config_digest) if run else None,
            deadline=wanted.deadline,
        )

    def _reported(self, wanted: RequestApproval) -> Reported:
        """The days of the run's campaigns, each at the cost by which the gate will judge it."""
        reservations = self._ledger.reservations(wanted.account, wanted.run)
        return at_booked_cost(self._ledger.reported_days(wanted.run), reservations)

    def _account_now(self, account: str, now: datetime) -> AccountNow:
        open_campaigns = [each for each in self._ledger.created_campaigns(account) if each.unsettled]
        written = self._ledger.written_to(each.campaign for each in open_campaigns)
        return AccountNow(
            account=self._ledger.account(account),
            counted_micros=sum(each.counted_micros for each in self._ledger.reservations(account)),
            campaigns=len(open_campaigns),
            runs=len({each.run for each in open_campaigns}),
            budgets_micros=sum(max(state.daily_budget_micros for state in each) for each in written.values() if each),
            approved_alone=self._ledger.approved_alone(account, now),
        )

    @activity.defn(no_thread_cancel_exception=True)
    def look_at_request(self, check: CheckRequest) -> RequestStanding:
        """Whether a stop has voided a request, its run was stopped, or a pass was lost, since it was opened."""
        return self._standing(self._ledger.request(check.request_id).request)

    def _standing(self, request: ApprovalRequest) -> RequestStanding:
        going_on = self._ledger.judge_run(request.run)
        return RequestStanding(
            void=self._ledger.request_state(request.request_id) == "void",
            run_stopped="" if going_on.granted else going_on.reason,
            pass_lost=self._ledger.judge_passes(request).reason,
        )

    @activity.defn(no_thread_cancel_exception=True)
    def submit_decision(self, submit: SubmitDecision) -> ApprovalOutcome:
        """What the ledger makes of an untrusted payload; a signal whose name contradicts it is refused.

        It is judged at the instant of the message or at that of now, whichever is later: anybody can write a message,
        and an earlier instant would let an approval count after its deadline.
        """
        now = max(submit.now, self._now())
        return self._ledger.decide(submit.request_id, submit.submission, submit.payload, now, submit.signal)

    @activity.defn(no_thread_cancel_exception=True)
    def note_refused_signals(self, note: NoteRefusedSignals) -> None:
        """A row of the journal for signals that a workflow has refused since the last one."""
        self._ledger.note_refused_signals(note.workflow, note.key, note.refused, note.now)


def _earned(campaigns: Iterable[Iterable[DayReport]], terms: RunTerms) -> EarnedSoFar | None:
    """What the run's campaigns have earned on the days that have matured; None where none has."""
    days = matured_of(chain.from_iterable(campaigns), contribution_share(terms.config))
    if not days.cost.size:
        return None
    return EarnedSoFar(
        cost_micros=int(days.cost.sum()),
        profit_micros=int(days.profit.sum()),
        days=int(days.cost.size),
        roi=roi(days),
        roi_low=roi_lower_bound(days, SHOWN_ALPHA),
    )
