"""Records the metrics of gaelp/metrics/metric_table.py by Temporal's meter, which serves them beside Temporal's own.

Touch this when the exporter of Temporal's SDK changes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from gaelp.errors import GaelpError
from gaelp.metrics.metric_table import METRICS, Metric, MetricKind

FEW_SERIES = 10


class WrongMetricsAddress(GaelpError):
    """Nothing can be served at the address of the metrics."""

    permanent = True


def exporting(address: str, process: int = 0) -> Runtime | None:
    """A runtime of Temporal's SDK that serves metrics at HOST:PORT/metrics; None where `address` is empty.

    The further processes of a worker, numbered from 1, take the ports after it. Raises WrongMetricsAddress.
    """
    if not address:
        return None
    host, _, port = address.rpartition(":")
    place = f"{host}:{int(port) + process}"
    prometheus = PrometheusConfig(
        bind_address=place,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={each.exported: each.buckets for each in METRICS if each.buckets},
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=prometheus, attach_service_name=False))
    except ValueError as error:
        raise WrongMetricsAddress(
            f"metrics cannot be served at {place} ({error}): "
            "set GAELP_METRICS_ADDRESS to an address of this machine with a free port, such as 127.0.0.1:9464"
        ) from error


class Recorder:
    """Records a worker's metrics; without an address of the metrics it records nothing, at hardly any cost."""

    def __init__(self, meter: MetricMeter) -> None:
        self._meter = meter
        self._instrument = cache(self._made)

    @classmethod
    def of(cls, client: Client) -> Recorder:
        """The recorder of the runtime that a client was connected with."""
        runtime = client.service_client.config.runtime
        recorder = cls(runtime.metric_meter if runtime else MetricMeter.noop)
        recorder.begin()
        return recorder

    def begin(self) -> None:
        """Begin the counters at 0, those of few series: Prometheus sees no increase where a series begins at 1."""
        for metric in METRICS:
            if metric.kind is MetricKind.COUNTER and len(metric.series()) <= FEW_SERIES:
                for labels in metric.series():
                    self.add(metric, 0, **labels)

    @property
    def on(self) -> bool:
        """Whether anybody can read what is recorded."""
        return self._meter is not MetricMeter.noop

    def add(self, metric: Metric, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        self._instrument(metric.exported).add(value, metric.attributes(labels))

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._instrument(metric.exported).set(value, metric.attributes(labels))

    def took(self, metric: Metric, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        self._instrument(metric.exported).record(seconds, metric.attributes(labels))

    def _made(self, exported: str) -> Any:
        metric = next(each for each in METRICS if each.exported == exported)
        match metric.kind:
            case MetricKind.COUNTER:
                return self._meter.create_counter(metric.name, metric.help)
            case MetricKind.GAUGE:
                return self._meter.create_gauge_float(metric.name, metric.help)
            case MetricKind.SECONDS:
                return self._meter.create_histogram_float(metric.exported, metric.help)
