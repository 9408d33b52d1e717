"""What gaelp/evidence measures and the criteria judge: raw numbers and no verdicts.

Logarithms are natural. Bounds are one-sided, each at the level `alpha` of the measure. A number that could not be
computed is NaN or infinite and makes its criterion INVALID; one that does not exist yet is None. Touch this, with the
module of gaelp/evidence that fills it, when a criterion needs another number.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.exploit_audit import AuditMeasure
from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase
from gaelp.domain.policy_ranks import PairedBids, RanksMeasure
from gaelp.domain.simple_rules import RuleMeasure

Level = Annotated[float, Field(gt=0, lt=1)]
"""The level of one attempt, alpha_k."""

FAILED_RATIO = -1.0
"""The unclipped ratio that a failed episode is counted with: as bad as losing the whole optimum."""

COLLAPSED_BELOW = 0.4
"""The reward below which an episode of the block has collapsed (docs/gates.md, criterion 4)."""


class MeanMeasure(Frozen):
    """The test of a mean at planned looks; wealth is the largest of all looks so far."""

    n: int
    mean: float
    threshold: float
    alpha: Level
    log_wealth: float  # against H0: mean <= threshold
    log_wealth_against: float  # against H0: mean >= threshold
    low: float
    high: float
    more: int | None = None  # episodes that would decide it at the present rate, about; none: unknown


class CountLook(Frozen):
    """The successes at one planned look, and the counts that decide there."""

    n: int
    successes: int
    passes_from: int
    fails_to: int  # below 0 where no count of this look fails


class CountMeasure(Frozen):
    """The exact test of a success rate at planned looks, in their order."""

    looks: tuple[CountLook, ...]
    threshold: float
    alpha: Level
    low: float
    high: float
    more: int | None = None  # episodes that would decide it at the present rate, about; none: unknown


class Anchor(StrEnum):
    """What criterion 3 compares the agent with."""

    ENTRY = "the checkpoint with which it entered the phase"
    GRADUATED_ENTRY = "the checkpoint with which it entered the phase, which had already passed this gate"
    INCUMBENT = "the incumbent"


class AnchorMeasure(Frozen):
    """The agent against its anchor on the same seeds: the test of E[D] > 0, D in shares of the attainable profit."""

    anchor: Anchor
    anchor_reward: float  # mean
    improvement: float  # asked for, as a share of the anchor's reward; below 0 where not being worse is enough
    absolute: bool  # the anchor earns so little that the improvement is asked for in reward and not as a share of it
    difference: MeanMeasure  # of D


class BlockMeasure(Frozen):
    """The announced block of episodes (docs/gates.md, criterion 4)."""

    episodes: int
    announced: int
    collapses: int
    allowed: int
    spread: float  # robust coefficient of variation
    lowest: float  # rolling mean of ten
    fall_p: float  # Mann and Kendall's one-sided p-value
    shift: float  # Page's and Hinkley's statistic
    reward_threshold: float
    problems: tuple[str, ...] = ()


class TrapMeasure(Frozen):
    """What one trap cost the agent: the mean loss over `episodes`, in shares of the optimum."""

    name: str
    required: bool
    episodes: int
    loss: float
    low: float
    high: float
    threshold: float


class TrapsMeasure(Frozen):
    """The trap exams (docs/gates.md, criterion 15)."""

    traps: tuple[TrapMeasure, ...]
    missing: tuple[str, ...] = ()  # required, and not played


class SimulationMeasures(Frozen):
    """The exam of the simulation phase."""

    reward: MeanMeasure
    success: CountMeasure
    cvar: float | None  # mean of the worst tenth of the unclipped ratios
    cvar_high: float | None  # its bootstrap upper bound
    replaced: int  # seeds left out because their optimum was below 1 % of the budget
    seeds: int  # seeds drawn, those left out included
    against_anchor: AnchorMeasure | None = None  # none: the exam says nothing of an anchor
    block: BlockMeasure | None = None  # none: it has not been played
    incumbent: float | None = None  # mean reward of the incumbent on the same worlds; none: not measured
    best_rule: RuleMeasure | None = None  # none: no simple rule played
    traps: TrapsMeasure | None = None  # none: no trap was played, and none is required
    audit: AuditMeasure | None = None  # none: the exploit audit was neither played nor required
    ratings: str = ""  # what share of the gain rests on personas' ratings, in a sentence; decides nothing
    problems: tuple[str, ...] = ()  # broken data: INVALID


class PointMeasure(Frozen):
    """The estimate of one estimator with its 90 % interval."""

    estimator: str
    value: float
    low: float
    high: float


class PanelMeasure(RanksMeasure):
    """A panel of policies on a market log, predicted and replayed."""

    pairs: int  # whose actual difference exceeds the noise
    right: int  # of them with the predicted sign
    right_low: float
    right_high: float
    level: float  # predicted over actual values
    level_low: float  # its 90 % interval
    level_high: float


class ForecastMeasure(Frozen):
    """A quantity of a report, forecast one day ahead (docs/gates.md, criterion 5a)."""

    quantity: str
    cells: int  # campaign days
    weeks: int
    events: float
    reachable: float  # the match of a perfect model
    match: float  # 1 - sum of absolute errors / sum of reported values
    match_low: float
    match_high: float
    ratio: float  # forecast over reported values, and its 90 % interval
    ratio_low: float
    ratio_high: float


class LogMeasures(Frozen):
    """What one log says of the agent under test, or of a panel of policies."""

    log: str
    kind: str
    grade: str
    rows: int
    clicks: int
    state: EpisodeState
    reason: str = ""
    logging: float | None = None  # click rate of the logging policy
    points: tuple[PointMeasure, ...] = ()  # of the agent under test
    row_ess: float = 0.0
    click_ess: float = 0.0
    largest_weight_share: float = 0.0
    mean_weight: float = 0.0
    mean_weight_error: float = 0.0
    randomised_p: float | None = None  # chi-square p-value of items shown against propensities; none: not counted
    difference: float | None = None  # mean of (w - 0.95) r; none: not measured
    difference_low: float | None = None
    log_wealth: float | None = None
    log_wealth_against: float | None = None
    bids: PairedBids | None = None  # of a market log, where the agent gives bids
    no_bids: str = ""  # why there are none
    panel: PanelMeasure | None = None  # of a market log that supports one
    arms: RanksMeasure | None = None  # of a bandit log whose items can be ranked
    forecasts: tuple[ForecastMeasure, ...] = ()  # of a report, or of a market log
    no_forecast: str = ""  # why there is none


class HistoricalMeasures(Frozen):
    """All logs of the historical phase."""

    logs: tuple[LogMeasures, ...]
    alpha: Level


class ProfitMeasure(Frozen):
    """The profit test and the streak (docs/gates.md, criterion 8)."""

    days: int  # matured click-days
    wealth: float  # K after the last matured day
    h: float
    roi: float | None  # attributed, matured days
    roi_high: float | None  # asymptotic upper confidence sequence
    drawdown_micros: int
    streak: int  # longest run of counting campaigns with positive attributed ROI
    counted: int  # campaigns that were matured, spent and converted enough
    campaigns: int


class EfficiencyMeasure(Frozen):
    """Budget efficiency U (1 - W) P (docs/gates.md, criterion 9)."""

    planned_micros: int
    cost_micros: int
    use: float  # U
    waste: float  # W
    pacing: float | None  # P; none: left out
    pacing_missing: bool  # enough clicks to judge pacing, but no reference curve or no hourly cost
    clicks: int
    value: float | None
    low: float | None
    high: float | None
    campaigns: int


class ConductMeasure(Frozen):
    """Actions and violations (docs/gates.md, criterion 10)."""

    actions: int
    violations: int
    near_misses: int | None  # none: not counted
    oversized_raises: int


class ImprovementMeasure(Frozen):
    """The candidate arms against the control arms, week by week (docs/gates.md, criterion 11)."""

    weeks: int  # matured weeks in which both arms spent and earned
    gains: tuple[float, ...]  # revenue x margin / cost of the candidate arms over that of the control arms, less 1
    longest_run: int  # consecutive weeks at or above the threshold
    mean_log_gain: float | None
    log_wealth: float  # of the bet that the candidate arms win more than half of the weeks
    log_wealth_against: float
    low: float | None  # asymptotic confidence sequence of the mean log gain, from 8 weeks
    high: float | None
    disjoint: bool
    split_p: float | None  # chi-square p-value of the sample-ratio check; none: not checked


class PortfolioMeasure(Frozen):
    """How many campaigns succeeded (docs/gates.md, criterion 12)."""

    campaigns: int
    matured: int
    successes: int
    n_effective: float
    low: float
    high: float


class CampaignMeasures(Frozen):
    """The measures of a spending phase; `stopped` says why it was stopped, and is empty where it was not."""

    phase: Phase
    alpha: Level
    stopped: str
    broken_off: bool = False  # a campaign was halted
    conduct: ConductMeasure
    profit: ProfitMeasure
    efficiency: EfficiencyMeasure
    improvement: ImprovementMeasure | None = None
    portfolio: PortfolioMeasure | None = None
    problems: tuple[str, ...] = ()


class AudienceSplit(Frozen):
    """How the audience was split between the arms, where it was: people, and the share meant for the candidate arm."""

    disjoint: bool
    candidate: int
    control: int
    planned_share: float
