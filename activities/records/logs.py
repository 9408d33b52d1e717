"""RECORDS: reads the logs of the historical phase from the warehouse and keeps the later part of each for judging.

Touch this to prepare another kind of log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.arrays import Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import LogKind
from gaelp.messages.historical_validation import HistoricalPlan, PlanHistorical
from gaelp.messages.log_replay import PreparedLog, PrepareLog
from gaelp.records.logs.stored_logs import UnknownLog, load_calibrating, load_market, load_report, log_info, split
from gaelp.records.logs.validation_window import after_calibration, calibrated_until
from gaelp.records.warehouse.warehouse import Warehouse

KEPT = {
    LogKind.MARKET: (
        "time_us",
        "hour",
        "weekday",
        "market_price",
        "bid",
        "click",
        "pctr",
        "exchange",
        "creative",
    ),
    LogKind.REPORT: ("day", "days", "campaign", "impressions", "clicks", "cost_micros", "conversions", "currency"),
}
"""The columns that the replay of a whole log reads."""


class Logs:
    """Reads the warehouse, writes content."""

    def __init__(self, inputs: Inputs, warehouse: Warehouse) -> None:
        self._inputs = inputs
        self._warehouse = warehouse

    @activity.defn(no_thread_cancel_exception=True)
    def plan_historical(self, plan: PlanHistorical) -> HistoricalPlan:
        """The configured logs, in their order."""
        return HistoricalPlan(logs=self._inputs.config(plan.config_digest).historical.logs)

    @activity.defn(no_thread_cancel_exception=True)
    def prepare_log(self, prepare: PrepareLog) -> PreparedLog:
        """The share of the log that is later than anything the market was calibrated on."""
        config = self._inputs.config(prepare.config_digest)
        info = log_info(self._warehouse, prepare.log)
        if info.kind == LogKind.MARKET:
            market = load_market(self._warehouse, prepare.log)
            return self._whole(prepare.log, LogKind.MARKET, market, config)
        if info.kind == LogKind.REPORT:
            return self._whole(prepare.log, LogKind.REPORT, load_report(self._warehouse, prepare.log), config)
        if info.kind == LogKind.SPLIT_TEST:
            raise UnknownLog(f"log {prepare.log!r} is a split-test log, and no phase judges by one: leave it out")
        history = config.historical
        later = after_calibration(
            load_calibrating(self._warehouse, history.logs), history.calibration_share, prepare.log
        )
        times = later["time_us"]
        return PreparedLog(
            log=prepare.log,
            kind=LogKind(info.kind),
            rows_digest=self._inputs.store.put_arrays(later),
            rows=len(times),
            window_start=_instant(times[0]) if len(times) else None,
            window_end=_instant(times[-1]) if len(times) else None,
        )

    def _whole(self, name: str, kind: LogKind, log: Mapping[str, Array], config: TrainingConfiguration) -> PreparedLog:
        """A whole log, and how many of its rows are as early as anything that calibrates."""
        history = config.historical
        earlier = len(split(log, history.calibration_share)[0]["clicks" if kind is LogKind.REPORT else "click"])
        times, known = log["time_us"], bool((log["time_us"] >= 0).all())
        if known:
            until = calibrated_until(load_calibrating(self._warehouse, history.logs), history.calibration_share)
            earlier = max(earlier, int(np.searchsorted(times, until, side="right")))
        later = known and earlier < len(times)
        return PreparedLog(
            log=name,
            kind=kind,
            rows_digest=self._inputs.store.put_arrays({key: log[key] for key in KEPT[kind]}),
            rows=len(times) - earlier,
            window_start=_instant(times[earlier]) if later else None,
            window_end=_instant(times[-1]) if later else None,
            earlier=earlier,
        )


def _instant(time_us: np.int64) -> datetime:
    return datetime.fromtimestamp(int(time_us) / 1_000_000, UTC)
