"""The ledger's rows as records: what the stores fetch, what the rules judge, and what the façade lists.

Amounts are integer micros of the account's currency, days are days of the ad account's time zone. Touch this when a
table gains a column that a rule reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.ledger_records import AttemptSeries, Intent
from gaelp.domain.spending.signed_starts import Starter


@dataclass(frozen=True)
class Reservation:
    """A reservation as it stands. `counted_micros` is what every cap counts for it."""

    key: str
    account: str
    run: str
    phase: Phase
    campaign: str
    day: date
    request_id: str
    state: str  # open, frozen, settled
    worst_case_micros: int
    billed_micros: int
    served_micros: int
    final_micros: int | None
    counted_micros: int
    posted_at: datetime | None  # instant of the newest report or settlement


@dataclass(frozen=True)
class Posted:
    """What a report of spend led to. `over`: it lies above what is booked, and the account's fence was raised."""

    over: bool
    fence: int
    violation: str = ""  # its id


@dataclass(frozen=True)
class BooksSummary:
    """What all accounts together have in the books: for whoever watches the machine, and for no decision."""

    spent_micros: dict[str, int]  # by currency
    exposure_micros: dict[str, int]  # by currency: what may still be billed
    cap_used: float  # the highest share of an account's total cap that is counted; 0 without an account
    reservations: dict[str, int]  # by state
    open_violations: dict[str, int]  # by severity
    undecided_requests: dict[str, int]  # by state


@dataclass(frozen=True)
class StoredRequest:
    """An approval request as it was signed, with what has become of it."""

    request: ApprovalRequest
    digest: str  # SHA-256 of the canonical bytes that are signed
    state: str  # open, approved, rejected, superseded; void by a stop of its account; withdrawn with its run, for good
    text: str  # what a person reads before signing


@dataclass(frozen=True)
class StoredClaim:
    """A claim as it stands."""

    key: str
    account: str
    run: str
    campaign: str
    intent: Intent
    fence: int
    state: str  # open, done, failed
    detail: str
    at: datetime
    platform_id: str = ""


@dataclass(frozen=True)
class CreatedCampaign:
    """A campaign of ours: its creation was claimed.

    `platform_id` is empty where the platform never told it. `unsettled`: a day of it may still be billed.
    """

    campaign: str
    run: str
    platform_id: str
    unsettled: bool


@dataclass(frozen=True)
class AttemptCount:
    """How many attempts of a series count, and how many a named person has forgiven."""

    series: AttemptSeries
    used: int
    forgiven: int


@dataclass(frozen=True)
class KeptVerdict:
    """What the gate of a run's phase said last, as the activity wrote it that judged."""

    run: str
    phase: Phase
    checkpoint_digest: str
    evidence_digest: str
    heads: tuple[str, ...]  # decision heads that the evidence validated
    verdict: Verdict
    promote: bool
    criteria: tuple[CriterionVerdict, ...] = ()
    lost_to: str = ""  # the phase of a run, "b/scaled", whose FAIL has taken this pass since; empty: none has


@dataclass(frozen=True)
class JudgedState:
    """That the gate of a run's phase has judged a certain state of a certain agent; `lost_to` is as in KeptVerdict."""

    run: str
    phase: Phase
    verdict: Verdict
    lost_to: str


@dataclass(frozen=True)
class BegunTerms:
    """What a run is judged by from its beginning to its end."""

    account: str
    agent: str
    config_digest: str
    rests_on_passes: bool = False  # of other runs: it is strict, and has skipped phases


@dataclass(frozen=True)
class RegisteredRun:
    """A run's name, the account it was started for, when, and since when it has ended or is stopped.

    Agent and configuration are those that it has begun with; empty where it has not begun. `rests_on_passes` is as in
    BegunTerms, and `starter` is who has signed its start, or None.
    """

    run: str
    account: str
    at: datetime
    ended_at: datetime | None = None
    stopped_at: datetime | None = None
    agent: str = ""
    config_digest: str = ""
    rests_on_passes: bool = False
    starter: Starter | None = None

    def starter_of(self, account: str, agent: str, config_digest: str) -> Starter | None:
        """Who has signed the start with just these; anybody may ask for something else in the run's name."""
        signed = self.starter
        if signed is None or (self.account, signed.agent, signed.config_digest) != (account, agent, config_digest):
            return None
        return signed


@dataclass(frozen=True)
class MonitoringBooks:
    """What the ledger knows of a campaign that monitoring looks at, from one transaction."""

    steps: tuple[StepTaken, ...]  # of the campaign, oldest first
    steps_of_run: tuple[StepTaken, ...]
    days: tuple[Reservation, ...]  # of the campaign
    campaigns: int  # that were approved together with it; 0 where its request is not known
    others: tuple[tuple[DayReport, ...], ...] = ()  # the reported days of other campaigns of the run
