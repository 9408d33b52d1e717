"""The metrics: few series, and none of them for a run, a campaign, an account or a person."""

from __future__ import annotations

import re

import pytest

from gaelp.metrics.metric_table import METRICS, OTHER, REAPER_LOOKS, Metric, MetricKind

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
