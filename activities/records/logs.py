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
from gaelp.records.logs.stored_logs import NOT_PER_ROW, load_bandit, log_info, split
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
        keep = later["time_us"] > last
        return {key: values if key in NOT_PER_ROW else values[keep] for key, values in later.items()}


def _instant(time_us: np.int64) -> datetime:
    return datetime.fromtimestamp(int(time_us) / 1_000_000, UTC)
