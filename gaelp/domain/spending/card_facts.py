"""What an approval card is computed from, beside the request itself: facts of the ledger and of the configuration.

An activity reads them; approval_card.py makes the card of them. Amounts are integer micros of the account's currency.
Touch this when the card needs one more fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gaelp.domain.ad_accounts import Account
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.signed_starts import Starter


@dataclass(frozen=True)
class RunTerms:
    """What a run's configuration and market say of it."""

    config: TrainingConfiguration
    synthetic_market: bool  # no log of the run calibrates the market that its agent was trained in
    creatives: int  # that each of its campaigns has


@dataclass(frozen=True)
class GateOnCard:
    """What the gate of an earlier phase said last."""

    phase: Phase
    verdict: Verdict
    criteria: tuple[CriterionVerdict, ...]

    @property
    def label(self) -> str:
        """The phase and its verdict."""
        return f"{self.phase} {self.verdict}"


@dataclass(frozen=True)
class EarnedSoFar:
    """Matured days of the run's campaigns: attributed contribution against all-in cost."""

    cost_micros: int
    profit_micros: int
    days: int
    roi: float | None  # None without cost
    roi_low: float | None  # lower bound at level 0.05; None below 10 matured days


@dataclass(frozen=True)
class AccountNow:
    """What is on the account when the card is made."""

    account: Account
    counted_micros: int  # billed so far, and the worst case of what is open
    campaigns: int  # of ours that may still be billed
    runs: int  # that they belong to
    budgets_micros: int  # per day, of those whose settings we wrote
    approved_alone: Sequence[ApprovalRequest]  # what one person alone has approved there


@dataclass(frozen=True)
class CardFacts:
    """Everything of the card that is not in the request or in its list of campaigns."""

    terms: RunTerms
    now: AccountNow
    gates: Sequence[GateOnCard]  # in the order of the phases
    earned: EarnedSoFar | None  # None: no day of a campaign of the run has matured
    approved_before: Sequence[ApprovalRequest]  # of the same run, and standing
    started_at: datetime | None  # when the run was registered
    starter: Starter | None  # who has signed its start; none: nobody
    deadline: datetime  # silence until then is a refusal

    @property
    def unproven_daily_micros(self) -> int:
        """What was approved a day for a live test that has not proven a profit (criterion 8); 0 where it has."""
        of_live = [each.daily_cap_micros for each in self.approved_before if each.phase is Phase.LIVE_TEST]
        judged = [criterion for gate in self.gates for criterion in gate.criteria if criterion.id == "8"]
        proven = judged and all(criterion.verdict is Verdict.PASS for criterion in judged)
        return 0 if proven else max(of_live, default=0)
