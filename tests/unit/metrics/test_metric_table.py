"""The metrics: few series, and none of them for a run, a campaign, an account or a person."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaelp.metrics.metric_table import METRICS, OTHER, REAPER_LOOKS, Metric, MetricKind

ROOT = Path(__file__).resolve().parents[3]
MOST_SERIES = 300
ALLOWED_LABELS = {"outcome", "purpose", "phase", "criterion", "verdict", "access", "currency", "state", "severity"}


def wrong(metric: Metric) -> list[str]:
    """What Prometheus's conventions, or we, do not want of a metric."""
    found = [f"label {name}" for name in metric.labels if name not in ALLOWED_LABELS]
    found += [f"label {name} without values" for name, values in metric.labels.items() if not values]
    found += [f"{len(metric.series())} series"] if len(metric.series()) > MOST_SERIES else []
    found += ["its name"] if not re.fullmatch(r"gaelp_[a-z]+(_[a-z]+)*", metric.name) else []
    found += ["a unit that is not a base unit"] if re.search(r"_(ms|millis|minutes|percent)$", metric.exported) else []
    found += ["no buckets"] if (metric.kind is MetricKind.SECONDS) is not bool(metric.buckets) else []
    found += ["a suffix that the exporter appends"] if metric.name.endswith(("_total", "_count", "_bucket")) else []
    return found


def test_every_metric_has_few_series_and_a_proper_name() -> None:
    """No metric has a label of unbounded values, and all names are different."""
    assert {metric.name: found for metric in METRICS if (found := wrong(metric))} == {}
    assert len({metric.exported for metric in METRICS}) == len(METRICS) > 15


@pytest.mark.parametrize(
    "planted",
    [
        Metric("gaelp_spend", MetricKind.COUNTER, "", {"run": ("first",)}),
        Metric("gaelp_spend", MetricKind.COUNTER, "", {"account": ("shop",)}),
        Metric("gaelp_spend", MetricKind.COUNTER, "", {"phase": tuple(map(str, range(400)))}),
        Metric("gaelp_spend_total", MetricKind.COUNTER, ""),
        Metric("gaelp_wait_ms", MetricKind.GAUGE, ""),
        Metric("gaelp_wait", MetricKind.SECONDS, ""),
        Metric("spend", MetricKind.COUNTER, ""),
    ],
)
def test_a_planted_metric_is_refused(planted: Metric) -> None:
    """The check above finds a label that names a run or an account, too many series, and an improper name."""
    assert wrong(planted)


def test_a_value_that_is_not_listed_is_recorded_as_other() -> None:
    """Whatever is given for a label, only listed values and one for all others become series."""
    assert REAPER_LOOKS.attributes({"outcome": "clear"}) == {"outcome": "clear"}
    assert REAPER_LOOKS.attributes({"outcome": "run-7/live-test/campaign-01"}) == {"outcome": OTHER}
    assert REAPER_LOOKS.attributes({}) == {"outcome": OTHER}
    assert REAPER_LOOKS.attributes({"outcome": "clear", "run": "first"}) == {"outcome": "clear"}


def names_in(text: str) -> set[str]:
    """The metrics of ours that a text names, without the suffixes of a histogram's series."""
    found = re.findall(r"\bgaelp_[a-z_]+[a-z]", text)
    return {re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", name) for name in found}


@pytest.mark.parametrize(
    "file", ["prometheus/gaelp.rules.yml", "prometheus/gaelp.rules.test.yml", "grafana/gaelp.json"]
)
def test_alerts_and_panels_name_metrics_that_are_there(file: str) -> None:
    """No expression reads a metric of ours that no worker serves."""
    named = names_in((ROOT / "deploy" / file).read_text())
    assert len(named) > 5
    assert named <= {metric.exported for metric in METRICS}


def test_the_page_names_every_metric() -> None:
    """docs/observability.md lists each metric, and none that is not there."""
    named = names_in((ROOT / "docs/observability.md").read_text())
    assert named == {metric.exported for metric in METRICS}


def test_every_metric_is_watched() -> None:
    """What is measured stands on the dashboard or in an alert: a metric that nobody looks at would be for nothing."""
    files = ("prometheus/gaelp.rules.yml", "grafana/gaelp.json")
    watched = set().union(*(names_in((ROOT / "deploy" / file).read_text()) for file in files))
    assert {metric.exported for metric in METRICS} == watched
