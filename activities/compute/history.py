"""History: logs out of the warehouse (records), policies on them (compute).

Touch this to replay another kind of log.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.agents.contract import Agent, Observation, State, TickTime, Totals
from gaelp.agents.installed_agents import checked
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.evidence.off_policy import evaluate
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.historical_validation import HistoricalPlan, PlanHistorical
from gaelp.messages.log_replay import LogEvidence, PreparedLog, PrepareLog, ReplayLog
from gaelp.records.logs.stored_logs import NOT_PER_ROW, load_bandit, log_info, split
from gaelp.records.warehouse.warehouse import Warehouse

HOURS = 24


class History:
    """Reads the warehouse."""

    def __init__(self, inputs: Inputs, warehouse: Warehouse) -> None:
        self._inputs = inputs
        self._warehouse = warehouse

    @activity.defn
    def plan_historical(self, plan: PlanHistorical) -> HistoricalPlan:
        """The configured logs, in their order."""
        return HistoricalPlan(logs=self._inputs.config(plan.config_digest).historical.logs)

    @activity.defn
    def prepare_log(self, prepare: PrepareLog) -> PreparedLog:
        """The share of the log that is later than anything the market was calibrated on."""
        config = self._inputs.config(prepare.config_digest)
        info = log_info(self._warehouse, prepare.log)
        if info.kind != LogKind.BANDIT:
            return PreparedLog(
                log=prepare.log, kind=LogKind(info.kind), rows_digest="", rows=0, window_start=None, window_end=None
            )
        later = self._after_calibration(prepare.log, config)
        times = later["time_us"]
        return PreparedLog(
            log=prepare.log,
            kind=LogKind(info.kind),
            rows_digest=self._inputs.store.put_arrays(later),
            rows=len(times),
            window_start=_instant(times[0]) if len(times) else None,
            window_end=_instant(times[-1]) if len(times) else None,
        )

    def _after_calibration(self, name: str, config: TrainingConfiguration) -> dict[str, np.ndarray]:
        """The log's later share, less what is older than the latest row of any log that calibrated the market."""
        share, last = config.historical.calibration_share, -1
        later: dict[str, np.ndarray] = {}
        for log in config.historical.logs:
            if log_info(self._warehouse, log).kind != LogKind.BANDIT:
                continue
            earlier, rest = split(load_bandit(self._warehouse, log), share)
            last = max(last, int(earlier["time_us"].max()))
            later = rest if log == name else later
        keep = (later["time_us"] > last) | (later["time_us"] < 0)  # a log without times has only its order
        return {key: values if key in NOT_PER_ROW else values[keep] for key, values in later.items()}


class Replays:
    """Runs the agent's code, so it holds no client and no credential."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def replay_log(self, replay: ReplayLog) -> LogEvidence:
        """The candidate and the baselines that are always present, on the prepared rows."""
        log = replay.log
        if log.kind is not LogKind.BANDIT:
            reason = f"replay of a {log.kind} log is not in this version: it supports no claim here"
            return LogEvidence(log=log.log, kind=log.kind, grade=Grade.C, rows=log.rows, clicks=0, reason=reason)
        config = self._inputs.config(replay.config_digest)
        market = self._inputs.market(replay.market_digest)
        rows = self._inputs.store.get_arrays(replay.log.rows_digest)
        agent = self._inputs.agent(replay.agent, replay.config_digest, "historical")
        policies = {
            "candidate": _policy(agent, self._inputs.state(replay.checkpoint_digest), market, config),
            **_baselines(market),
        }
        return LogEvidence(
            log=replay.log.log,
            kind=replay.log.kind,
            grade=Grade.A,
            rows=replay.log.rows,
            clicks=int(rows["click"].sum()),
            window_start=replay.log.window_start,
            window_end=replay.log.window_end,
            estimates=evaluate(rows, market.segmentation.assign(rows["user_features"]), policies),
        )


def _policy(agent: Agent, state: State, market: MarketParameters, config: TrainingConfiguration) -> np.ndarray:
    """The agent's creative shares f8[24, S, K], as it would choose them at each hour with nothing observed yet."""
    segments, candidates = market.ctr.shape
    observation = Observation.build(
        TickTime(hour=np.arange(HOURS), weekday=np.zeros(HOURS, np.int64), time_left=np.ones(HOURS)),
        Totals.none(HOURS, segments, candidates),
        market.segment_features,
        market.candidate_features,
        np.full(HOURS, int(config.simulation.daily_budget * 1_000_000)),
        click_value_micros(config.economics),
    )
    rng = stream(config.seed, "historical", "policy", agent.name)
    decision, _ = agent.act(state, observation, agent.initial_memory(HOURS), rng)
    decision = checked(decision, observation, agent.name, 0)
    if decision.creative_prob is None:
        return np.full((HOURS, segments, candidates), 1.0 / candidates)
    return decision.creative_prob


def _baselines(market: MarketParameters) -> dict[str, np.ndarray]:
    """Uniform creative, and the best single creative of the calibration window."""
    segments, candidates = market.ctr.shape
    best = np.zeros((HOURS, segments, candidates))
    best[:, :, int(market.ctr.mean(axis=0).argmax())] = 1.0
    return {"uniform": np.full((HOURS, segments, candidates), 1.0 / candidates), "best-creative": best}


def _instant(time_us: np.int64) -> datetime:
    return datetime.fromtimestamp(int(time_us) / 1_000_000, UTC)
