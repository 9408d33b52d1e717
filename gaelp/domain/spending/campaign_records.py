"""Live campaigns: their plan, what they report to their phase, and how their budgets move.

Touch this when a plan or a report of a campaign holds one more thing.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from gaelp.domain.billing.billing_rules import ExposureLine
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.frozen import Frozen
from gaelp.domain.platform_records import DayReport

CUT_TO_NOTHING = "its budget was cut to nothing"
"""Why a campaign of a portfolio ends that is given no budget for the next period."""

LONGEST_TEXT = 300  # characters of a reason that a message carries for each of many campaigns


class Arm(StrEnum):
    """Which policy a campaign runs: the agent under test, or the incumbent beside it."""

    CANDIDATE = "candidate"
    CONTROL = "control"


class CampaignPlan(Frozen):
    """One campaign to be run."""

    index: int
    campaign: str  # RUN/PHASE/campaign-NN
    product: str
    arm: Arm
    agent: str  # who decides in it
    daily_budget_micros: int
    days: int
    start: datetime  # midnight of the ad account's time zone
    day_minutes: tuple[int, ...] = ()  # how long each of its days is; empty: each has 24 hours


class CampaignsPlan(Frozen):
    """What a spending phase will do. It is long, so that it is in the content store, and messages name its digest."""

    campaigns: tuple[CampaignPlan, ...]
    tick_hours: int
    period_days: int  # days between budget decisions; equal to `days` where there are none
    maturing_hours: int  # after a campaign's end until its last day decides
    daily_cap_micros: int
    total_cap_micros: int
    exposure: tuple[ExposureLine, ...]
    campaigns_digest: str = ""  # of the list that a person signs, once the ledger keeps it
    approval_deadline: datetime  # silence until then is a refusal
    approval_expires: datetime  # nothing is spent under the approval after this campaign instant


class CampaignResult(Frozen):
    """How a campaign ended, by its own workflow; what it planned, did and attempted is the ledger's to say."""

    campaign: str
    index: int
    product: str
    arm: Arm
    state: EpisodeState
    days: tuple[DayReport, ...] = ()
    planned_micros: int = 0  # sum of the platform budgets set, over days
    spend_micros: int = 0
    actions: int = 0  # decisions that policy checked
    violations: int = 0  # confirmed, critical or high, not cleared
    near_misses: int | None = None  # attempts that policy or ledger blocked; None: not counted
    reason: str = ""
    missed_ticks: int = 0  # ticks without a decision, because a platform, the ledger or a worker was out of reach
    interruption: str = ""  # what ended it that is neither its plan nor a doing of its agent; no verdict rests on it

    def but_interrupted(self, interruption: str) -> CampaignResult:
        """The same with this interruption."""
        return self.model_copy(update={"interruption": interruption})

    def in_short(self) -> CampaignEnded:
        """What its workflow tells; the whole of it is in the ledger."""
        return CampaignEnded(
            state=self.state,
            spend_micros=self.spend_micros,
            reason=self.reason[:LONGEST_TEXT],
            interruption=self.interruption[:LONGEST_TEXT],
        )


class CampaignEnded(Frozen):
    """How a campaign ended, in short: the result of its workflow. Its days are in the ledger, as CampaignResult."""

    state: EpisodeState
    spend_micros: int = 0
    reason: str = ""
    interruption: str = ""  # as in CampaignResult


class DecisionMade(Frozen):
    """One decision of a campaign that policy and ledger have checked, as the activity writes it that applies it."""

    campaign: str
    tick: int
    day: date  # of the ad account's time zone
    daily_budget_micros: int
    applied: bool
    near_miss: bool  # blocked or clamped


class DayReached(Frozen):
    """How many of its days a campaign has behind it, and what the platform reported of them."""

    campaign: str
    day: int
    daily_budget_micros: int
    days: tuple[DayReport, ...]


class BudgetMove(Frozen):
    """One campaign's next budget; 0 pauses it."""

    campaign: str
    before_micros: int
    after_micros: int
    reason: str
