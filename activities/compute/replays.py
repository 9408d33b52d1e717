"""COMPUTE: evaluates the agent's policy and the baselines on a prepared log, in a process without credentials.

Touch this to replay another kind of log.
"""

from __future__ import annotations

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.agents.contract import Agent, Observation, State, TickTime, Totals
from gaelp.agents.decision_checks import checked
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.evidence.history.off_policy import evaluate
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.log_replay import LogEvidence, ReplayLog

HOURS = 24


class Replays:
    """Runs the agent's code, so it holds no client and no credential."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def replay_log(self, replay: ReplayLog) -> LogEvidence:
        """Estimates for the agent under test and for the baselines that are always present, on the prepared rows."""
        log = replay.log
        if log.kind is not LogKind.BANDIT:
            reason = f"replay of a {log.kind} log is not in this version: it supports no claim here"
            return LogEvidence(log=log.log, kind=log.kind, grade=Grade.C, rows=log.rows, clicks=0, reason=reason)
        config = self._inputs.config(replay.context.config_digest)
        market = self._inputs.market(replay.context.market_digest)
        rows = self._inputs.store.get_arrays(log.rows_digest)
        agent = self._inputs.agent(replay.context.agent, replay.context.config_digest, "historical")
        policies = {
            "candidate": _policy(agent, self._inputs.state(replay.context.checkpoint_digest), market, config),
            **_baselines(market),
        }
        return LogEvidence(
            log=log.log,
            kind=log.kind,
            grade=Grade.A,
            rows=log.rows,
            clicks=int(rows["click"].sum()),
            window_start=log.window_start,
            window_end=log.window_end,
            estimates=evaluate(
                rows,
                market.segmentation.assign(rows["user_features"]),
                policies,
                stream(config.seed, "historical", "bootstrap", log.log),
            ),
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
