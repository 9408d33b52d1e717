"""Every model that crosses a Temporal boundary, and the records that money and verdicts are made of.

Touch this when a workflow, an activity or a signal says something new. Money is integer micros of the account's
currency. Large things travel as content digests (`…_digest`), never by value.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from gaelp.training.config import TrainingConfiguration
from gaelp.training.names import EpisodeState, Outcome, Phase


class Message(BaseModel):
    """Frozen; changed by copy."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---------------------------------------------------------------- verdicts


class Verdict(StrEnum):
    """What a test says. Only PASS promotes."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class CriterionVerdict(Message):
    """One criterion of gates.md with its numbers."""

    id: str  # "1" … "14", "5b"
    name: str  # "average reward"
    verdict: Verdict
    reason: str  # one sentence a growth team understands
    estimate: float | None = None
    bound: float | None = None  # the lower bound that decides
    threshold: float | None = None
    unit: str = ""
    n: int = 0
    formula: str = ""  # "betting/aGRAPA", "clopper-pearson", "snips+dr", "not-assessed"


class GateVerdict(Message):
    """The verdict of one gate: all criteria, the attempt it used, what it froze."""

    phase: Phase
    verdict: Verdict
    criteria: tuple[CriterionVerdict, ...]
    attempt: int
    alpha: float
    checkpoint_digest: str
    evidence_digest: str
    promote: bool  # strict: PASS only; advisory: PASS or INCONCLUSIVE
    proven: bool  # every criterion PASS
    heads: tuple[str, ...] = ()  # decision heads that this evidence validated
    reason: str = ""


# ---------------------------------------------------------------- the run


class RunInput(Message):
    """Starts a TrainingRun; the workflow id is `run`."""

    run: str
    config: TrainingConfiguration
    config_digest: str
    agent: str
    from_phase: Phase = Phase.SIMULATION
    from_checkpoint: str | None = None


class PhaseInput(Message):
    """Starts a phase workflow; its id is `RUN/PHASE`. Also what its continue-as-new carries."""

    run: str
    phase: Phase
    config_digest: str
    market_digest: str
    account: str
    agent: str
    experiment: str
    checkpoint_digest: str | None = None
    time_scale: float = 1.0
    evidence_digest: str = ""  # of the phase before: what an approval is bound to
    validated_heads: tuple[str, ...] = ()  # decision heads that a log has validated
    permuted_market_digest: str = ""  # the market with personas' ratings permuted; none where there are no personas
    simulation: SimulationProgress | None = None
    campaigns: CampaignsProgress | None = None


class PhaseResult(Message):
    """How a phase ended."""

    phase: Phase
    checkpoint_digest: str
    evidence_digest: str
    gate: GateVerdict | None  # none where the phase ended before its gate
    ended: Outcome | None = None  # set where the phase itself ends the run
    reason: str = ""
    spend_micros: int = 0
    episodes: int = 0


class RunResult(Message):
    """How a run ended."""

    run: str
    outcome: Outcome
    reason: str
    checkpoint_digest: str | None
    phases: tuple[PhaseResult, ...]
    spend_micros: int


class CalibrateMarket(Message):
    """Calibrates the market on the earlier share of the configured logs."""

    run: str
    config_digest: str


class Calibrated(Message):
    """The calibrated market's arrays."""

    market_digest: str
    logs: tuple[str, ...]
    segments: int
    candidates: int


class BeginRun(Message):
    """Stores the configuration, versions and seeds of a run (R2, R4), and checks the account."""

    run: str
    config: TrainingConfiguration
    config_digest: str
    agent: str
    from_phase: Phase = Phase.SIMULATION
    from_checkpoint: str | None = None
    started_at: datetime


class RunBegun(Message):
    """What the run found when it began."""

    accepted: bool
    reason: str
    account_kind: str
    code_version: str


# ---------------------------------------------------------------- simulation


class PlanSimulation(Message):
    """Sizes of a simulation phase."""

    run: str
    config_digest: str


class BeginExam(Message):
    """Books an attempt at the simulation's gate: a run that never comes to its exam uses none."""

    run: str
    config_digest: str
    account: str
    agent: str


class Exam(Message):
    """The attempt that this exam is, from the ledger, counted across runs: its seeds are fresh for each."""

    attempt: int


class FirstCheckpoint(Message):
    """The agent's state before any learning."""

    run: str
    config_digest: str
    market_digest: str
    agent: str


class SimulationPlan(Message):
    """What a simulation phase will do, decided once."""

    rounds: int
    batches_per_round: int
    exam_batches: int
    exam_looks: int
    failed_batches: int
    failed_episodes: int


class SimulateBatch(Message):
    """One batch of episodes that advance together. (seed, phase, index, purpose) key its random streams."""

    run: str
    config_digest: str
    market_digest: str
    checkpoint_digest: str
    agent: str
    index: int
    purpose: str  # "train", "exam", or "permuted": the exam again where the ratings of personas are permuted
    attempt: int = 0  # keys the exam's streams, never the training's


class EpisodeFailure(Message):
    """An episode that a bad decision ended: which campaign of its batch, and why, naming agent and step."""

    episode: int
    reason: str


class RegretSplit(Message):
    """Where the optimum less the expected profit went, in micros; the parts sum to it exactly but for rounding."""

    allocation_micros: int = 0  # the same spend elsewhere: other segments, hours, days
    estimation_micros: int = 0  # creatives worth less than the segment's best
    over_bidding_micros: int = 0  # days that spent more than the optimum spends
    under_bidding_micros: int = 0  # days that spent less


class EpisodeAmounts(Message):
    """What each episode of a batch came to, in the order of the batch's rewards; its fields are sums over campaigns
    that share one episode. The batch's own amounts are their totals.
    """

    expected_profit_micros: tuple[int, ...] = ()  # incremental, of the impressions won
    attributed_profit_micros: tuple[int, ...] = ()  # with the organic conversions that last-click attribution harvests
    incumbent_profit_micros: tuple[int, ...] = ()  # expected, on the same worlds
    optimum_micros: tuple[int, ...] = ()
    estimation_micros: tuple[int, ...] = ()  # the parts of RegretSplit
    allocation_micros: tuple[int, ...] = ()
    over_bidding_micros: tuple[int, ...] = ()
    under_bidding_micros: tuple[int, ...] = ()
    revenue_micros: tuple[int, ...] = ()  # realised within the episode, attributed, net of refunds
    spend_micros: tuple[int, ...] = ()
    impressions: tuple[int, ...] = ()
    clicks: tuple[int, ...] = ()
    conversions: tuple[int, ...] = ()

    def rows(self) -> list[dict[str, int]]:
        """One row per episode."""
        columns = {name: getattr(self, name) for name in type(self).model_fields}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


class BatchResult(Message):
    """A finished batch: trajectories by digest, money summed over episodes.

    Between activities it travels without what it says of each episode: `whole_digest` names the whole one.
    """

    index: int
    purpose: str
    state: EpisodeState
    trajectory_digest: str | None
    episodes: int
    whole_digest: str = ""  # of the document with the tuples below; none: they are here
    failed_episodes: int = 0  # counted in the tuples below with reward 0 and no success
    failures: tuple[EpisodeFailure, ...] = ()
    rewards: tuple[float, ...] = ()  # clipped r per episode (gates.md 1)
    raw_rewards: tuple[float, ...] = ()  # unclipped ratio, for CVaR
    successes: tuple[bool, ...] = ()
    gains: tuple[float, ...] = ()  # expected profit above the incumbent's, in shares of the optimum
    amounts: EpisodeAmounts = EpisodeAmounts()
    replaced: int = 0  # episodes whose optimum was below 1 % of the budget
    expected_profit_micros: int = 0  # incremental, of the impressions won
    attributed_profit_micros: int = 0  # the same with the organic conversions that last-click attribution harvests
    incumbent_profit_micros: int = 0  # expected, on the same worlds
    optimum_micros: int = 0
    regret: RegretSplit = RegretSplit()
    revenue_micros: int = 0  # realised within the episode, attributed, net of refunds
    spend_micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    reason: str = ""

    def told(self, whole_digest: str) -> Self:
        """The result as it travels: without its tuples, and with one failure to show for all."""
        nothing: dict[str, Any] = {name: () for name in ("rewards", "raw_rewards", "successes", "gains")}
        nothing |= {"amounts": EpisodeAmounts(), "failures": self.failures[:1], "whole_digest": whole_digest}
        return self.model_copy(update=nothing)


class LearnRound(Message):
    """Agent state and a round's trajectories, in index order, to the next agent state."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    trajectory_digests: tuple[str, ...]
    round: int


class Learned(Message):
    """The next checkpoint."""

    checkpoint_digest: str
    episodes: int


class SimulationProgress(Message):
    """What a simulation phase carries through continue-as-new."""

    plan: SimulationPlan
    checkpoint_digest: str
    anchor_digest: str  # the state at entry
    next_round: int = 0
    failed_batches: int = 0
    failed_episodes: int = 0
    episodes: int = 0
    training: tuple[RoundSummary, ...] = ()


class RoundSummary(Message):
    """A learning round in one line."""

    round: int
    episodes: int
    mean_reward: float
    success_rate: float
    checkpoint_digest: str


class AssessSimulation(Message):
    """Looks at the exam so far. `final`: no further look follows."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    exams: tuple[BatchResult, ...]
    permuted: tuple[BatchResult, ...] = ()  # the exam again, personas' ratings permuted; decides nothing
    training: tuple[RoundSummary, ...] = ()
    account: str
    final: bool = False


class Assessment(Message):
    """What an assessment found; `settled` is false where more data may still decide."""

    gate: GateVerdict
    settled: bool


# ---------------------------------------------------------------- history


class PlanHistorical(Message):
    """Which logs are replayed."""

    run: str
    config_digest: str


class HistoricalPlan(Message):
    """The logs of a phase, in order."""

    logs: tuple[str, ...]


class PrepareLog(Message):
    """Takes the later share of one log out of the warehouse."""

    run: str
    config_digest: str
    log: str


class PreparedLog(Message):
    """The later share of a log as arrays, beside what it is."""

    log: str
    kind: str
    rows_digest: str
    rows: int
    window_start: datetime | None
    window_end: datetime | None


class ReplayInput(Message):
    """Starts a LogReplay; its id is `RUN/historical/LOG`."""

    run: str
    config_digest: str
    market_digest: str
    checkpoint_digest: str
    agent: str
    log: str


class ReplayLog(Message):
    """The agent's policy on a prepared log."""

    run: str
    config_digest: str
    market_digest: str
    checkpoint_digest: str
    agent: str
    log: PreparedLog


class Estimate(Message):
    """An off-policy estimate with its 90 % interval, beside what it rests on."""

    estimator: str  # "ips", "snips", "dr", "switch-dr", "on-policy"
    policy: str  # "candidate", or a baseline's name, or "logging"
    value: float  # clicks per impression
    low: float
    high: float
    row_ess: float = 0.0
    click_ess: float = 0.0
    largest_weight_share: float = 0.0
    mean_weight: float = 0.0
    mean_weight_error: float = 0.0  # standard error of the mean weight
    log_wealth: float | None = None  # non-inferiority only: natural log of the bet on value > 0, PASS at log(1/alpha)
    log_wealth_against: float | None = None  # and of the bet on value < 0


class LogEvidence(Message):
    """What one log says about the policy."""

    log: str
    kind: str  # bandit, market, report
    grade: str  # A, B, R, C
    rows: int
    clicks: int
    window_start: datetime | None = None
    window_end: datetime | None = None
    estimates: tuple[Estimate, ...] = ()
    state: EpisodeState = EpisodeState.SETTLED
    reason: str = ""


class AssessHistorical(Message):
    """Gate of the historical phase."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    account: str
    logs: tuple[LogEvidence, ...]


# ---------------------------------------------------------------- money: accounts, envelopes, approvals


class AccountKind(StrEnum):
    """What an account is, as its owner says in the ledger. Only an emulator may be advisory or use demo keys."""

    EMULATOR = "emulator"
    REAL = "real"


class Account(Message):
    """An ad account's envelope, set by its owner and never by a run."""

    account: str
    kind: AccountKind
    platform: str  # "emulator", "google-ads", "meta"
    currency: str
    timezone: str = "UTC"
    daily_cap_micros: int  # worst case that all of our campaigns may be billed on one day
    total_cap_micros: int  # billed plus open worst case over the account's life with us
    fence: int = 0  # raised by every stop; a claim under an older fence is refused


class Approver(Message):
    """A named person who may approve spend on an account, up to a limit."""

    account: str
    key_id: str  # first 16 hex digits of SHA-256 of the raw public key
    name: str
    public_key: str  # base64 of the 32 raw Ed25519 bytes
    limit_micros: int  # the largest total envelope this person may approve
    demo: bool = False  # refused on any account that is not an emulator's


class ApprovalRequest(Message):
    """What a person signs: canonical JSON of this model (sorted keys, no spaces), UTF-8."""

    request_id: str  # "RUN/live-test#1"; single use
    nonce: str  # SHA-256 hex of what is bound below; the ledger consumes it once
    account: str
    run: str
    phase: Phase
    purpose: str  # "first spend", "raise"
    currency: str
    daily_cap_micros: int  # worst case per day
    total_cap_micros: int  # worst case over the phase
    agent: str
    checkpoint_digest: str
    config_digest: str
    evidence_digest: str
    exposure_digest: str  # of the exposure table shown to the person
    unvalidated_heads: tuple[str, ...] = ()  # decision heads that no log validated; approving allows them by name
    fence: int
    expires_at: datetime


class SignedDecision(Message):
    """The body of an approve or reject signal. `request_digest` is SHA-256 of the request's canonical JSON.

    The signature is over the UTF-8 text `gaelp-DECISION:REQUEST_DIGEST` (DECISION is approve or reject).
    """

    request_id: str
    decision: str  # "approve" or "reject"
    request_digest: str
    key_id: str
    signature: str  # base64, Ed25519
    reason: str = ""


class RequestApproval(Message):
    """Opens an approval request (idempotent on its id)."""

    run: str
    phase: Phase
    config_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    evidence_digest: str
    validated_heads: tuple[str, ...] = ()
    purpose: str
    sequence: int
    daily_cap_micros: int
    total_cap_micros: int
    exposure: tuple[ExposureLine, ...]
    expires_at: datetime
    now: datetime


class ApprovalCard(Message):
    """An open request, with the text that a person sees before signing."""

    request: ApprovalRequest
    request_digest: str
    text: str  # markdown


class SubmitDecision(Message):
    """A signal's raw payload on its way to the ledger. `submission` identifies the signal, so a retry is harmless."""

    request_id: str
    submission: str
    signal: str  # the signal's name must be the decision that was signed
    payload: Any
    now: datetime


class ApprovalOutcome(Message):
    """What the ledger made of a submitted decision."""

    accepted: bool  # a valid, authorised decision: it now stands
    decision: str = ""  # "approve" or "reject" where accepted
    approver: str = ""
    reason: str  # refusal: one sentence


class ExposureLine(Message):
    """The worst that one campaign may be billed, by the platform's own rules."""

    campaign: str
    platform: str
    daily_budget_micros: int
    days: int
    worst_day_micros: int
    worst_total_micros: int
    rule: str  # "Google Ads: up to 2x the highest daily budget of a day"


class Reserve(Message):
    """Book the worst case of one campaign day before anything may be billed for it."""

    key: str  # RUN/PHASE/campaign-NN/day-DDD
    account: str
    run: str
    phase: Phase
    campaign: str
    day: date  # day of the ad account's time zone
    worst_case_micros: int  # absolute; a later call under the same key may raise it or leave it
    request_id: str  # the approval it draws on
    at: datetime


class Reserved(Message):
    """Whether the worst case fits every cap that applies."""

    granted: bool
    reason: str = ""  # names the cap and what is left of it
    worst_case_micros: int = 0
    daily_left_micros: int = 0
    total_left_micros: int = 0


class Claim(Message):
    """The right to make one spend-affecting call. At most one is granted per key."""

    key: str  # RUN/PHASE/campaign-NN/day-DDD/INTENT
    account: str
    run: str
    campaign: str
    intent: str  # create, enable, budget, apply, end, pause
    fence: int | None = None  # the fence the caller believes in; none: the current one
    shortens: bool = False  # intent end: the end comes earlier than before, so no fence stands against it
    at: datetime


class Claimed(Message):
    """`granted`: make the call. `done`: it was made before, do not make it again. Otherwise refused."""

    granted: bool
    done: bool = False
    unknown: bool = False  # claimed before, outcome not known: read the platform back, resolve, claim again
    fence: int = 0
    reason: str = ""
    detail: str = ""  # what was recorded when it was resolved


class Violation(Message):
    """A recorded breach (F8)."""

    id: str
    account: str
    run: str
    phase: Phase
    campaign: str
    kind: str  # over-reservation, unchecked-content, ...
    severity: str  # critical, high, medium, low
    evidence: str
    at: datetime
    resolved_by: str | None = None
    resolution: str | None = None


class JournalEntry(Message):
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


# ---------------------------------------------------------------- live campaigns


class Creative(Message):
    """An ad that policy has checked."""

    id: str
    headline: str
    body: str = ""
    content_digest: str = ""


class CampaignSpec(Message):
    """What a platform is asked to create, paused. `external_name` is deterministic: it is the idempotency key."""

    external_name: str
    account: str
    product: str
    daily_budget_micros: int
    end_at: datetime  # the lease
    segments: int
    creatives: tuple[Creative, ...]
    bid_micros: tuple[int, ...]  # [S], per thousand impressions; 0 = off
    creative_prob: tuple[tuple[float, ...], ...]  # [S][K]


class CampaignState(Message):
    """A campaign as the platform reads it back."""

    platform_id: str
    external_name: str
    account: str
    enabled: bool
    daily_budget_micros: int
    end_at: datetime
    bid_micros: tuple[int, ...]
    creative_prob: tuple[tuple[float, ...], ...]
    created_at: datetime


class DayReport(Message):
    """A click-day of one campaign, as reported at some instant; conversions and revenue belong to the click's day."""

    day: date
    impressions: int
    clicks: int
    conversions: int
    cost_micros: int  # billed so far
    served_micros: int  # served so far: may run ahead of billed
    revenue_micros: int  # attributed, before margin
    final: bool  # the platform will not change cost any more
    matured: bool  # age of the day's last click has reached the 90 % lag quantile
    hourly_cost_micros: tuple[int, ...] = ()  # [24]


class CellReport(Message):
    """Counts per segment and creative since the campaign began, for the agent's observation."""

    impressions: tuple[tuple[int, ...], ...]  # [S][K]
    clicks: tuple[tuple[int, ...], ...]
    conversions: tuple[tuple[int, ...], ...]
    cost_micros: tuple[tuple[int, ...], ...]


class CampaignReport(Message):
    """All that a platform reports of one campaign at `at`."""

    platform_id: str
    at: datetime
    days: tuple[DayReport, ...]
    cells: CellReport
    disapproved: tuple[str, ...] = ()  # creative ids


class CampaignsProgress(Message):
    """What a spending phase carries through continue-as-new."""

    plan: CampaignsPlan
    decisions: int = 0  # signals answered so far
    request_id: str = ""
    next_campaign: int = 0
    open: tuple[str, ...] = ()  # campaign workflow ids not settled yet
    settled: tuple[CampaignResult, ...] = ()
    reached: tuple[DayReached, ...] = ()
    moves: tuple[BudgetMove, ...] = ()
    period: int = 0
    paused: bool = False
    stopped: str = ""


class PlanCampaigns(Message):
    """Plans the campaigns of a spending phase and their exposure."""

    run: str
    phase: Phase
    config_digest: str
    market_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    now: datetime


class StartOf(Message):
    """When may a campaign on a real clock begin?"""

    config_digest: str
    account: str
    now: datetime


class Start(Message):
    """Midnight of the ad account's time zone."""

    start: datetime


class CampaignPlan(Message):
    """One campaign to be run."""

    index: int
    campaign: str  # RUN/PHASE/campaign-NN
    product: str
    arm: str  # "candidate" or "control"
    agent: str  # who decides in it
    daily_budget_micros: int
    days: int
    start: datetime  # midnight of the ad account's time zone


class CampaignsPlan(Message):
    """What a spending phase will do."""

    campaigns: tuple[CampaignPlan, ...]
    tick_hours: int
    period_days: int  # days between budget decisions; equal to `days` where there are none
    maturing_hours: int  # after a campaign's end until its last day decides
    daily_cap_micros: int
    total_cap_micros: int
    exposure: tuple[ExposureLine, ...]
    approval_deadline: datetime  # silence until then is a refusal
    approval_expires: datetime  # nothing is spent under the approval after this campaign instant


class CampaignInput(Message):
    """Starts a LiveCampaign; its id is the plan's `campaign`. Also what continue-as-new carries."""

    run: str
    phase: Phase
    phase_workflow: str  # who is told
    config_digest: str
    market_digest: str
    account: str
    checkpoint_digest: str
    experiment: str
    plan: CampaignPlan
    request_id: str
    start: datetime
    tick_hours: int
    time_scale: float
    maturing_hours: int
    until_day: int  # authorised so far; the phase signals `proceed` for more
    tick: int = 0
    state: EpisodeState = EpisodeState.PLANNED
    anchored_at: datetime | None = None  # wall instant of tick 0
    daily_budget_micros: int
    platform_id: str = ""
    memory_digest: str = ""
    planned_micros: int = 0  # sum of the platform budgets set so far, a day each
    actions: int = 0
    near_misses: int = 0
    spend_micros: int = 0
    paused: bool = False
    reason: str = ""


class LaunchCampaign(Message):
    """Reserve, create paused, read back, enable, read back; each claimed. Idempotent on the campaign's name."""

    campaign: CampaignInput
    at: datetime


class Launched(Message):
    """How a launch ended; not launched means nothing is enabled."""

    launched: bool
    platform_id: str = ""
    reason: str = ""


class Observe(Message):
    """Read-only: what a campaign's report says at `at`."""

    campaign: CampaignInput
    at: datetime


class Observed(Message):
    """A tick's observation, by digest, and what the monitor needs of it."""

    observation_digest: str
    spend_micros: int
    clicks: int
    conversions: int
    enabled: bool
    days: tuple[DayReport, ...] = ()
    halt: str = ""  # a reason to pause and settle: drawdown, over-reservation, disapproved content
    stop_account: bool = False  # the platform billed more than was reserved: all of the account must stop


class Decide(Message):
    """The agent's turn, in a process without credentials."""

    campaign: CampaignInput
    observation_digest: str


class Decided(Message):
    """A decision by digest, and the agent's memory for the next tick."""

    decision_digest: str
    memory_digest: str


class Apply(Message):
    """Reserve the day, clamp the decision, write absolute values, renew the lease, read back."""

    campaign: CampaignInput
    decision_digest: str
    at: datetime


class Applied(Message):
    """What was applied."""

    applied: bool
    halt: str = ""
    worst_case_micros: int = 0
    planned_micros: int = 0  # sum of the platform budgets set so far, a day each
    actions: int = 0  # decisions that policy has checked so far
    near_misses: int = 0  # of them, how many policy blocked or clamped


class PauseAndSettle(Message):
    """Pause, read back, and settle what is known; `final` waits for nothing more."""

    campaign: CampaignInput
    at: datetime
    reason: str
    final: bool


class Paused(Message):
    """What a pause-and-settle left behind."""

    enabled: bool  # as read back; False is what we want
    days: tuple[DayReport, ...] = ()
    spend_micros: int = 0
    final: bool = False  # every day is final and settled


class CampaignResult(Message):
    """How a campaign ended, sent to its phase by signal `settled`."""

    campaign: str
    index: int
    product: str
    arm: str
    state: EpisodeState
    days: tuple[DayReport, ...] = ()
    planned_micros: int = 0  # sum of the platform budgets set, over days
    spend_micros: int = 0
    actions: int = 0  # decisions that policy checked
    violations: int = 0  # confirmed, critical or high, not cleared
    near_misses: int | None = None  # attempts that policy or ledger blocked; None: not counted
    reason: str = ""


class DayReached(Message):
    """A campaign tells its phase that it has used up its authorised days (signal `reached`)."""

    campaign: str
    day: int
    daily_budget_micros: int
    days: tuple[DayReport, ...]


class Proceed(Message):
    """The phase lets a campaign go on (signal `proceed`)."""

    until_day: int
    daily_budget_micros: int


class ScaleBudgets(Message):
    """The portfolio's budget decision between two periods."""

    run: str
    config_digest: str
    account: str
    plan: CampaignsPlan
    reached: tuple[DayReached, ...]
    request_id: str
    period: int


class BudgetMove(Message):
    """One campaign's next budget; 0 pauses it."""

    campaign: str
    before_micros: int
    after_micros: int
    reason: str


class BudgetMoves(Message):
    """All moves of one decision."""

    moves: tuple[BudgetMove, ...]


class ReviewCampaigns(Message):
    """Between two campaigns: may the test go on?"""

    run: str
    phase: Phase
    config_digest: str
    campaigns: tuple[CampaignResult, ...]


class Review(Message):
    """Futility is a stop, not a verdict."""

    go_on: bool
    reason: str = ""


class AssessCampaigns(Message):
    """Gate of a spending phase."""

    run: str
    phase: Phase
    config_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    market_digest: str
    campaigns: tuple[CampaignResult, ...]
    moves: tuple[BudgetMove, ...] = ()
    stopped: str = ""  # why the phase stopped early, if it did


# ---------------------------------------------------------------- records


class EpisodeRecord(Message):
    """One row of the warehouse's episodes (a batch's episodes are summed)."""

    run: str
    phase: Phase
    episode: str  # workflow id
    state: EpisodeState
    agent: str
    checkpoint_digest: str
    at: datetime
    episodes: int = 1
    reward: float | None = None
    profit_micros: int = 0
    spend_micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    roi: float | None = None
    regret: float | None = None  # (optimum - expected profit) / optimum
    reason: str = ""
    attributed_profit_micros: int | None = None
    optimum_micros: int | None = None
    allocation_micros: int | None = None  # the parts of optimum - expected profit
    estimation_micros: int | None = None
    over_bidding_micros: int | None = None
    under_bidding_micros: int | None = None
    failures: int | None = None  # episodes that a bad decision ended
    purpose: str | None = None  # of a batch: train, exam or permuted


class LifecycleEvent(Message):
    """Published once per id, ordered per run (I3)."""

    id: str  # deterministic: workflow id + step
    run: str
    kind: str  # run.started, panel.rated, episode.settled, approval.requested, gate.decided, alert, run.ended, ...
    at: datetime
    phase: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class Record(Message):
    """Facts to remember. Each is written once however often the activity is retried."""

    run: str
    step: str  # with the run: the idempotency key
    at: datetime
    episodes: tuple[EpisodeRecord, ...] = ()
    gates: tuple[GateVerdict, ...] = ()
    events: tuple[LifecycleEvent, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)  # to the live stream that `watch` reads
    export_journal: bool = False


class RecordBatches(Message):
    """A round's or a look's batches: rows of the warehouse, live metrics, and the summary that comes back."""

    run: str
    step: str
    purpose: str
    number: int
    agent: str
    checkpoint_digest: str
    next_checkpoint_digest: str
    first_batch: int  # batch numbers of the exam do not begin at 0
    results: tuple[BatchResult, ...]
    at: datetime


class RecordCampaigns(Message):
    """Campaigns settled since the last record of this phase."""

    run: str
    phase: Phase
    step: str
    config_digest: str
    account: str
    checkpoint_digest: str
    request_id: str = ""
    campaigns: tuple[CampaignResult, ...]
    at: datetime


class CampaignsSummary(Message):
    """What the ledger says of a phase."""

    spend_micros: int
    stopped: str = ""  # why, where the account's fence is no longer the one that was approved
    table: str  # markdown, for the current details


class Recorded(Message):
    """What was written."""

    rows: int
    events: int


class EndRun(Message):
    """The last record of a run."""

    result: RunResult
    config_digest: str
    at: datetime


class StopAccount(Message):
    """Emergency stop of one account."""

    account: str
    reason: str
    by: str
    at: datetime


class StopReport(Message):
    """What a stop found; `stopped` only after the second read-back."""

    account: str
    stopped: bool
    fence: int
    paused: tuple[str, ...] = ()
    still_enabled: tuple[str, ...] = ()
    unresolved_claims: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""


for _model in (RequestApproval, PhaseInput, SimulationProgress, CampaignsProgress, RecordCampaigns):
    _model.model_rebuild()


# ---------------------------------------------------------------- personas


class RatePanel(Message):
    """Put the panel of personas into a calibrated market."""

    run: str
    config_digest: str
    market_digest: str


class RatedPanel(Message):
    """The market with personas, the same with their ratings permuted, and how the ratings were come by."""

    market_digest: str
    permuted_market_digest: str
    ratings_digest: str  # click, convert f8[P, K]: relative tendencies, 1 is neutral
    asked: int  # answers that this run asked for
    cached: int  # answers that another run had asked for
    failed: int  # ratings without an answer, and therefore neutral
    tokens: int  # that the answers asked for cost, as the endpoint counts
    cost_micros: int
    provenance: str  # a sentence for the report
