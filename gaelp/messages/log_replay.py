"""Messages of the workflow LogReplay: one log, and the evidence that it gives about a policy.

Touch this when the replay of a log measures one more thing.
"""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.frozen import Frozen
from gaelp.domain.log_evidence import Grade, LogKind, Quantity
from gaelp.domain.policy_ranks import PairedBids
from gaelp.messages.run_context import RunContext


class PrepareLog(Frozen):
    """Takes the later share of one log out of the warehouse."""

    config_digest: str
    log: str


class PreparedLog(Frozen):
    """The later share of a log as arrays, beside what it is."""

    log: str
    kind: LogKind
    rows_digest: str
    rows: int
    window_start: datetime | None
    window_end: datetime | None
    earlier: int = 0  # of a market log or a report: how many rows, the first ones, are not judged


class ReplayInput(Frozen):
    """Starts a LogReplay; its id is `RUN/historical/LOG`."""

    context: RunContext
    log: str


class ReplayLog(Frozen):
    """The agent's policy on a prepared log."""

    context: RunContext
    log: PreparedLog


class Estimate(Frozen):
    """An off-policy estimate with its 90 % interval, beside what it rests on."""

    estimator: str  # "ips", "snips", "dr", "switch-dr", "on-policy"; of a market log "replay"
    policy: str  # "candidate", or a baseline's name, or "logging"
    value: float  # clicks per impression, or in the evidence's unit
    low: float
    high: float
    row_ess: float = 0.0
    click_ess: float = 0.0
    largest_weight_share: float = 0.0
    mean_weight: float = 0.0
    mean_weight_error: float = 0.0  # standard error of the mean weight
    log_wealth: float | None = None  # non-inferiority only: natural log of the bet on value > 0, PASS at log(1/alpha)
    log_wealth_against: float | None = None  # and of the bet on value < 0


class PairedDifference(Frozen):
    """The agent's value less a baseline's on the same rows, with its 90 % interval."""

    policy: str  # the baseline
    value: float  # clicks per impression by SNIPS, or in the evidence's unit
    low: float
    high: float


class WindowPairs(Frozen):
    """Pairs of a panel's policies whose values differ by more than the noise in one window of a market log."""

    pairs: int
    right: int  # of them, how many differ in the predicted direction


class PanelEvidence(Frozen):
    """A panel of policies on a market log: values of an auction as predicted and as replayed, in the log's unit."""

    predicted: tuple[float, ...]
    actual: tuple[float, ...]
    windows: tuple[WindowPairs, ...]  # those with a pair at all
    level: float  # predicted over actual values, and its 90 % interval
    level_low: float
    level_high: float
    reliability: float  # of the actual values, by split halves
    clicks: int  # of the later part


class ArmsEvidence(Frozen):
    """The items of a bandit log by their click rate where one is always shown, as predicted and by SNIPS."""

    arms: int
    clicks: int  # of the later part
    reliability: float | None  # of the actual values, by split halves; none: they do not vary, as below
    correlation: float | None  # Spearman's
    most_carried: float | None  # by how much it changes where one arm is left out
    regret: float | None  # share of the best value that the arm predicted best misses


class ForecastEvidence(Frozen):
    """A quantity of a report or market log, forecast a day ahead; `actual` and `missed` by blocks of about a week."""

    quantity: str  # "cost" or "conversions" of a report, "clicks" of a market log
    cells: int  # campaign days
    events: float  # clicks for cost, else conversions
    reachable: float  # the match that a perfect model would have
    actual: tuple[float, ...]
    missed: tuple[float, ...]  # sum of absolute errors
    ratio: float  # forecast over reported, and its 90 % interval
    ratio_low: float
    ratio_high: float


class GapEvidence(Frozen):
    """A quantity in the later part of a log, beside the run's market and the market that no log had calibrated."""

    log: str
    quantity: Quantity
    unit: str  # empty for a share
    logged: float  # with its 90 % interval
    low: float
    high: float
    events: int  # what it rests on
    simulated: float  # in the market that the agent was trained in
    assumed: float  # in the market of the same settings without a log

    @property
    def gap(self) -> float:
        """By what share of the logged value the run's market is off."""
        return self.simulated / self.logged - 1

    @property
    def assumed_gap(self) -> float:
        """And the market without a log."""
        return self.assumed / self.logged - 1


class LogEvidence(Frozen):
    """What one log says about the policy, and a market log about a panel of policies too."""

    log: str
    kind: LogKind | None  # none where the log could not be read
    grade: Grade
    rows: int
    clicks: int
    window_start: datetime | None = None
    window_end: datetime | None = None
    estimates: tuple[Estimate, ...] = ()
    differences: tuple[PairedDifference, ...] = ()  # of the agent under test from each baseline
    unit: str = ""  # of estimates and differences, where they are not clicks per impression
    randomised_p: float | None = None  # chi-square p-value of items shown against propensities; none: not counted
    bids: PairedBids | None = None  # of a market log, for the same money as the logger
    no_bids: str = ""  # why there are none
    panel: PanelEvidence | None = None
    arms: ArmsEvidence | None = None  # of a bandit log
    forecasts: tuple[ForecastEvidence, ...] = ()  # of a report, or of a market log
    no_forecast: str = ""  # why there is none
    gaps: tuple[GapEvidence, ...] = ()  # between the run's market and the log
    state: EpisodeState = EpisodeState.SETTLED
    reason: str = ""
