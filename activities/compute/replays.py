"""COMPUTE: evaluates the agent's policy and the baselines on a prepared log, in a process without credentials.

Touch this to replay another kind of log.
"""

from __future__ import annotations

import numpy as np
from temporalio import activity

from activities.compute.market_gap import measure_gap
from activities.compute.replayed_bids import beside_rules
from activities.inputs import Inputs
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.evidence.history.arm_ranks import NoArms, measure_arms
from gaelp.evidence.history.off_policy import evaluate_paired, randomised_p
from gaelp.evidence.history.policy_panel import NoPanel, measure_panel
from gaelp.evidence.history.report_forecasts import NoForecast, forecast_clicks, forecast_report
from gaelp.market.logged_policy import agent_policy, single, uniform
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.log_replay import ForecastEvidence, LogEvidence, ReplayLog


class Replays:
    """Runs the agent's code, so it holds no client and no credential."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def replay_log(self, replay: ReplayLog) -> LogEvidence:
        """What the log supports, and the gap between it and the run's market.

        A bandit log supports estimates for the agent under test and for the baselines that are always present, a market
        log a panel of policies and a comparison of bids, and a report forecasts.
        """
        log, context = replay.log, replay.context
        found = {LogKind.MARKET: self._panel, LogKind.REPORT: self._forecasts}.get(log.kind, self._estimates)(replay)
        rows, config = self._inputs.store.get_arrays(log.rows_digest), self._inputs.config(context.config_digest)
        gaps = measure_gap(log, rows, self._inputs.market(context.market_digest), config)
        return found.model_copy(update={"gaps": gaps})

    def _estimates(self, replay: ReplayLog) -> LogEvidence:
        """Estimates on the prepared rows of a bandit log."""
        log, config = replay.log, self._inputs.config(replay.context.config_digest)
        market = self._inputs.market(replay.context.market_digest)
        rows = self._inputs.store.get_arrays(log.rows_digest)
        agent = self._inputs.agent(replay.context.agent, replay.context.config_digest, "historical")
        policies = {
            "candidate": agent_policy(agent, self._inputs.state(replay.context.checkpoint_digest), market, config),
            **_baselines(market),
        }
        segment = market.segmentation.assign(rows["user_features"])
        rng = stream(config.seed, "historical", "bootstrap", log.log)
        estimates, differences = evaluate_paired(rows, segment, policies, rng)
        arms, reason = None, ""
        try:
            arms = measure_arms(rows, segment, market.ctr)
        except NoArms as why:
            reason = str(why)
        return LogEvidence(
            log=log.log,
            kind=log.kind,
            grade=Grade.A,
            rows=log.rows,
            clicks=int(rows["click"].sum()),
            window_start=log.window_start,
            window_end=log.window_end,
            randomised_p=randomised_p(rows),
            estimates=estimates,
            differences=differences,
            arms=arms,
            reason=reason,
        )

    def _forecasts(self, replay: ReplayLog) -> LogEvidence:
        """A report's days, each forecast from those before it."""
        log, config = replay.log, self._inputs.config(replay.context.config_digest)
        rows = self._inputs.store.get_arrays(log.rows_digest)
        rng = stream(config.seed, "historical", "forecasts", log.log)
        forecasts: tuple[ForecastEvidence, ...] = ()
        reason = ""
        try:
            first = int(rows["day"][log.earlier]) if log.rows else int(rows["day"].max()) + 1
            forecasts = forecast_report(rows, first, config.economics.lag_days, rng)
        except NoForecast as why:
            reason = str(why)
        return LogEvidence(
            log=log.log,
            kind=log.kind,
            grade=Grade.R,
            rows=log.rows,
            clicks=int(rows["clicks"][log.earlier :].sum()),
            window_start=log.window_start,
            window_end=log.window_end,
            forecasts=forecasts,
            no_forecast=reason,
        )

    def _panel(self, replay: ReplayLog) -> LogEvidence:
        """A panel of policies on a market log, its clicks by day, and the agent's bids beside two rules."""
        log, seed = replay.log, self._inputs.config(replay.context.config_digest).seed
        rows = self._inputs.store.get_arrays(log.rows_digest)
        panel, reason, no_forecast = None, "", ""
        forecasts: tuple[ForecastEvidence, ...] = ()
        try:
            panel = measure_panel(rows, log.earlier, stream(seed, "historical", "panel", log.log))
        except NoPanel as why:
            reason = str(why)
        try:
            forecasts = forecast_clicks(rows, log.earlier, stream(seed, "historical", "forecasts", log.log))
        except NoForecast as why:
            no_forecast = str(why)
        found = LogEvidence(
            log=log.log,
            kind=log.kind,
            grade=Grade.B,
            rows=log.rows,
            clicks=panel.clicks if panel else 0,
            window_start=log.window_start,
            window_end=log.window_end,
            panel=panel,
            forecasts=forecasts,
            no_forecast=no_forecast,
            reason=reason,
        )
        return beside_rules(found, replay, rows, self._inputs)


def _baselines(market: MarketParameters) -> dict[str, np.ndarray]:
    """Uniform creative, and the best single creative of the calibration window."""
    best = int(market.ctr.mean(axis=0).argmax())
    return {"uniform": uniform(*market.ctr.shape), "best-creative": single(best, *market.ctr.shape)}
