"""The part of the ledger's façade about approvals: the verdicts that they rest on, the campaigns that are signed,
requests, and decisions on them.

Touch this to ask or to keep one more thing about an approval; everything else is in ledger.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalOutcome, ApprovalRequest, RequestApproval
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.stored_records import KeptVerdict, StoredRequest
from gaelp.ledger.stores import campaign_books_store, decision_store, request_store, run_store
from gaelp.ledger.watched_books import WatchedBooks


class ApprovalBooks(WatchedBooks):
    """Base of `Ledger`; every method is one transaction."""

    def verdicts(self, run: str) -> tuple[KeptVerdict, ...]:
        """What the gates of a run said last."""
        with self._database.reading() as connection:
            return run_store.verdicts(connection, run)

    def passed_gates(self, agent: str, checkpoint: str) -> tuple[PassedGate, ...]:
        """The gates that gave this agent with this very checkpoint a PASS that no FAIL has taken since."""
        with self._database.reading() as connection:
            return run_store.passed_gates(connection, agent, checkpoint)

    def judge_passes(self, asked: ApprovalRequest | RequestApproval) -> Ruling:
        """Whether the passes that the asking phase rests on still count; without them nobody can approve it."""
        with self._database.reading() as connection:
            return run_store.judge_passes(connection, asked)

    def keep_campaigns(self, campaigns: Sequence[ApprovedCampaign]) -> str:
        """Keep a list of campaigns that a request may name; returns its digest. Allows nothing by itself."""
        with self._database.writing() as connection:
            return campaign_books_store.keep(connection, campaigns)

    def approved_campaigns(self, digest: str) -> tuple[ApprovedCampaign, ...]:
        """The list of that digest; raises UnknownRequest where none was kept."""
        with self._database.reading() as connection:
            return campaign_books_store.read_all(connection, digest)

    def open_request(self, request: ApprovalRequest, exposure_text: str, at: datetime) -> ApprovalCard:
        """Open a request; idempotent. Supersedes what the same run and phase asked. Raises RunStopped, FenceRaised."""
        with self._database.writing() as connection:
            return request_store.open_request(connection, request, exposure_text, at)

    def request(self, request_id: str) -> ApprovalCard:
        """A request with its digest and the text shown for it; raises UnknownRequest."""
        with self._database.reading() as connection:
            return request_store.card_of(request_store.known(connection, request_id))

    def request_state(self, request_id: str) -> str:
        """As in StoredRequest; raises UnknownRequest."""
        with self._database.reading() as connection:
            return request_store.known(connection, request_id).state

    def undecided_requests(self, run: str) -> tuple[StoredRequest, ...]:
        """Requests of a run that wait for a decision, and those that a stop has voided and nobody has asked anew."""
        with self._database.reading() as connection:
            return request_store.read_undecided(connection, run)

    def open_requests(self, run: str) -> tuple[ApprovalCard, ...]:
        """Requests of a run that wait for a decision, oldest first."""
        return tuple(request_store.card_of(r) for r in self.undecided_requests(run) if r.state == "open")

    def approved_requests(self, run: str) -> tuple[ApprovalRequest, ...]:
        """What stands approved of a run, oldest first."""
        with self._database.reading() as connection:
            return request_store.read_approved(connection, run)

    def approved_alone(self, account: str, now: datetime) -> tuple[ApprovalRequest, ...]:
        """What one person alone has approved on an account: what stands, and what is less than a day old."""
        with self._database.reading() as connection:
            return request_store.approved_alone(connection, account, now)

    def identity(self) -> str:
        """32 hex digits that tell this ledger from every other: a signed start is for one of them."""
        with self._database.reading() as connection:
            return run_store.identity(connection)

    def waiting_phases(self, account: str) -> tuple[str, ...]:
        """Workflow ids of the phases on an account that wait for a decision, void requests included."""
        with self._database.reading() as connection:
            return request_store.waiting_phases(connection, account)

    def end_run(self, run: str, at: datetime) -> None:
        """Note that a run has ended, and close what it asks and what it was approved, for good."""
        with self._database.writing() as connection:
            run_store.end(connection, run, at, request_store.accounts_of(connection, run))
            request_store.withdraw(connection, run, at)

    def note_refused_page(self, account: str, key: str, reason: str, at: datetime) -> None:
        """Write down what an approval page has refused before it sent anything."""
        with self._database.writing() as connection:
            decision_store.note_refused_page(connection, account, key, reason, at)

    def decide(
        self, request_id: str, submission: str, payload: Any, now: datetime, signal: str = ""
    ) -> ApprovalOutcome:
        """Judge an untrusted decision; every refusal is an outcome with its reason. Idempotent on `submission`.

        `signal` is the name of the signal that brought it: one that contradicts the decision is refused.
        """
        with self._database.writing() as connection:
            return decision_store.decide(connection, request_id, submission, payload, now, signal)
