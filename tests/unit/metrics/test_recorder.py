"""The recorder serves what it records, in Prometheus's own text."""

from __future__ import annotations

from urllib.request import urlopen

import pytest
from pydantic import ValidationError
from temporalio.common import MetricMeter

from gaelp.local_stack.process import free_port
from gaelp.metrics.metric_table import CAP_USED, LEDGER_TIME, METRICS, TICKS, MetricKind
from gaelp.metrics.recorder import Recorder, WrongMetricsAddress, exporting
from gaelp.settings import Settings


def test_every_metric_is_served_under_its_name() -> None:
    """Counters, gauges and histograms come with the suffixes, the labels and the buckets that the table says."""
    port = free_port()
    runtime = exporting(f"127.0.0.1:{port}")
    assert runtime is not None
    recorder = Recorder(runtime.metric_meter)
    recorder.begin()
    for metric in METRICS:
        labels = metric.series()[0]
        match metric.kind:
            case MetricKind.COUNTER:
                recorder.add(metric, 3, **labels)
            case MetricKind.GAUGE:
                recorder.set(metric, 0.5, **labels)
            case MetricKind.SECONDS:
                recorder.took(metric, 0.002, **labels)
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        served = answer.read().decode()
    lines = set(served.splitlines())
    kinds = {MetricKind.COUNTER: "counter", MetricKind.GAUGE: "gauge", MetricKind.SECONDS: "histogram"}
    assert {f"# TYPE {metric.exported} {kinds[metric.kind]}" for metric in METRICS} <= lines
    assert {'gaelp_ticks_total{outcome="applied"} 3', 'gaelp_ticks_total{outcome="held"} 0'} <= lines
    assert f"{CAP_USED.exported} 0.5" in lines
    assert f'{LEDGER_TIME.exported}_bucket{{access="read",outcome="committed",le="0.0025"}} 1' in lines
    with pytest.raises(WrongMetricsAddress, match=f"127.0.0.1:{port} .*GAELP_METRICS_ADDRESS"):
        exporting(f"127.0.0.1:{port - 1}", process=1)  # the next process's port is taken


def test_without_an_address_nothing_is_served() -> None:
    """No runtime is made, and the recorder says that it is off."""
    assert exporting("") is None
    off = Recorder(MetricMeter.noop)
    off.begin()
    off.add(TICKS, outcome="applied")
    assert not off.on


@pytest.mark.parametrize("address", ["9464", "http://127.0.0.1:9464", "127.0.0.1:", "me:secret@127.0.0.1:9464"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """HOST:PORT and nothing else; the refusal names the setting and repeats no value."""
    with pytest.raises(ValidationError, match="metrics_address") as refused:
        Settings(metrics_address=address)
    assert "secret" not in str(refused.value)


def test_a_host_that_is_not_of_this_machine_is_refused() -> None:
    """What cannot be bound is one sentence with the remedy."""
    with pytest.raises(WrongMetricsAddress, match="set GAELP_METRICS_ADDRESS"):
        exporting("no-such-host.invalid:9464")
