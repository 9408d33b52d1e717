"""What the ledger is asked for and what it keeps: reservations, claims, violations, journal entries.

Amounts are integer micros of the account's currency.

Touch this when the ledger's façade takes or returns one more thing.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm


class Reserve(Frozen):
    """Book the worst case of one campaign day before anything may be billed for it."""

    key: str  # RUN/PHASE/campaign-NN/day-DDD
    account: str
    run: str
    phase: Phase
    campaign: str
    day: date  # day of the ad account's time zone
    worst_case_micros: int  # absolute; a later call under the same key may raise it or leave it
    request_id: str  # the approval it draws on, which must list this campaign with all that follows
    agent: str  # who decides in the campaign
    arm: Arm
    checkpoint_digest: str
    config_digest: str
    market_digest: str
    content_digest: str  # of what the campaign advertises
    at: datetime


class FoundExposure(Frozen):
    """A campaign day that may be billed more than was reserved for it, by somebody else's doing. It counts at once."""

    key: str  # of the day's reservation
    account: str
    run: str
    phase: Phase
    campaign: str
    day: date
    worst_case_micros: int
    request_id: str
    at: datetime


class PassedGate(Frozen):
    """The gate of a run's phase that gave a PASS, and the configuration by which it judged."""

    run: str
    account: str  # the run's
    phase: Phase
    config_digest: str


class Reserved(Frozen):
    """Whether the worst case fits every cap that applies."""

    granted: bool
    reason: str = ""  # names the cap and what is left of it
    worst_case_micros: int = 0


class Intent(StrEnum):
    """What a claimed call does on the platform."""

    CREATE = "create"
    ENABLE = "enable"
    BUDGET = "budget"
    APPLY = "apply"  # all other settings of a tick at once
    END = "end"
    PAUSE = "pause"


class Claim(Frozen):
    """The right to make one spend-affecting call. At most one is granted per key."""

    key: str  # RUN/PHASE/campaign-NN/day-DDD/INTENT
    account: str
    run: str
    campaign: str
    intent: Intent
    fence: int | None = None  # the fence the caller believes in; none: the current one
    repeats: bool = False  # intent create: read back and not found; the platform's unique name makes a repeat harmless
    shortens: bool = False  # intent end: the end comes earlier than before, so no fence stands against it
    at: datetime


class Claimed(Frozen):
    """`granted`: make the call. `done`: it was made before, do not make it again. Otherwise refused."""

    granted: bool
    done: bool = False
    unknown: bool = False  # claimed before, outcome not known: read the platform back, resolve, claim again
    fence: int = 0
    reason: str = ""
    detail: str = ""  # what was recorded when it was resolved


class Severity(StrEnum):
    """How grave a violation is; the grave ones fail a spending phase's gate."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AttemptSeries(Frozen):
    """The key under which attempts at a gate are counted: one agent at one gate, for one product on one account."""

    account: str
    product: str
    agent: str
    gate: str


OUTSIDE_PAUSE = "paused-outside"
"""The kind of a violation that says that somebody else has paused a campaign on the platform."""


NOT_THE_AGENTS = frozenset(
    {"changed-outside", "campaign-unknown", "enabled-without-reservation", "reported-less", "unreserved-spend"}
)
"""Kinds of grave violations that somebody else has done, or the platform: they are no evidence about the agent."""


class Violation(Frozen):
    """A recorded breach of a rule; only a named person may clear it, with a reason."""

    id: str
    account: str
    run: str
    phase: Phase
    campaign: str
    kind: str  # over-reservation, campaign-unknown, reported-less, changed-outside, ...
    severity: Severity
    evidence: str
    at: datetime
    resolved_by: str | None = None
    resolution: str | None = None


class JournalEntry(Frozen):
    """One fact about money; append-only, numbered without gaps per ledger."""

    sequence: int
    at: datetime
    kind: str  # reserve, post, settle, freeze, claim, resolve, approve, reject, fence, violation, ...
    account: str
    run: str
    phase: str
    campaign: str
    key: str
    amount_micros: int
    detail: str  # JSON
