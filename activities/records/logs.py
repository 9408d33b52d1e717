"""RECORDS: reads the logs of the historical phase from the warehouse and keeps the later part of each for judging.

Touch this to prepare another kind of log.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import LogKind
from gaelp.messages.historical_validation import HistoricalPlan, PlanHistorical
from gaelp.messages.log_replay import PreparedLog, PrepareLog
from gaelp.records.logs.stored_logs import load_bandits, load_market, log_info, split
from gaelp.records.logs.validation_window import after_calibration, calibrated_until
from gaelp.records.warehouse.warehouse import Warehouse


class Logs:
    """Reads the warehouse, writes content."""

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
        if info.kind == LogKind.MARKET:
            return self._market(prepare.log, config)
        if info.kind != LogKind.BANDIT:
            return PreparedLog(
                log=prepare.log, kind=LogKind(info.kind), rows_digest="", rows=0, window_start=None, window_end=None
            )
        history = config.historical
        later = after_calibration(load_bandits(self._warehouse, history.logs), history.calibration_share, prepare.log)
        times = later["time_us"]
        return PreparedLog(
            log=prepare.log,
            kind=LogKind(info.kind),
            rows_digest=self._inputs.store.put_arrays(later),
            rows=len(times),
            window_start=_instant(times[0]) if len(times) else None,
            window_end=_instant(times[-1]) if len(times) else None,
        )

    def _market(self, name: str, config: TrainingConfiguration) -> PreparedLog:
        """The whole log, and how many of its rows are as early as anything that calibrates."""
        history, log = config.historical, load_market(self._warehouse, name)
        earlier = len(split(log, history.calibration_share)[0]["click"])
        times, known = log["time_us"], bool((log["time_us"] >= 0).all())
        if known:
            until = calibrated_until(load_bandits(self._warehouse, history.logs), history.calibration_share)
            earlier = max(earlier, int(np.searchsorted(times, until, side="right")))
        later = known and earlier < len(times)
        return PreparedLog(
            log=name,
            kind=LogKind.MARKET,
            rows_digest=self._inputs.store.put_arrays({key: log[key] for key in ("market_price", "click", "pctr")}),
            rows=len(times) - earlier,
            window_start=_instant(times[earlier]) if later else None,
            window_end=_instant(times[-1]) if later else None,
            earlier=earlier,
        )


def _instant(time_us: np.int64) -> datetime:
    return datetime.fromtimestamp(int(time_us) / 1_000_000, UTC)
