"""Every metric of ours, with every value that a label of it may take. Touch this to measure one more thing.

A label has few values, which are all known beforehand: no run, campaign, account, product or person is ever one,
because each value is a time series that Prometheus keeps. A value that is not listed is recorded as "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.gates.criteria_table import CRITERIA
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import PHASE_ORDER
from gaelp.domain.spending.ledger_records import Severity
from gaelp.money import currencies

OTHER = "other"


class MetricKind(StrEnum):
    """How a metric counts, and what the exporter appends to its name."""

    COUNTER = "_total"
    GAUGE = ""
    SECONDS = "_seconds"  # a histogram of durations


@dataclass(frozen=True)
class Metric:
    """A metric; `buckets` are upper bounds of a histogram, in seconds."""

    name: str
    kind: MetricKind
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """The name under which Prometheus has it."""
        return f"{self.name}{self.kind}"

    def series(self) -> tuple[dict[str, str], ...]:
        """The labels of every series that the metric may have, those of unlisted values left out."""
        return tuple(dict(zip(self.labels, values, strict=True)) for values in product(*self.labels.values()))

    def attributes(self, given: Mapping[str, str]) -> dict[str, str]:
        """The labels as they are recorded: each one that the metric has, with a value that it may take."""
        return {
            name: value if (value := given.get(name, OTHER)) in allowed else OTHER
            for name, allowed in self.labels.items()
        }


def _values(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(str(word) for word in words)


_CURRENCY = {"currency": currencies()}
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)

TICKS = Metric(
    "gaelp_ticks",
    MetricKind.COUNTER,
    "Decisions that were to be applied to a campaign.",
    {"outcome": ("applied", "held")},
)
LAUNCHES = Metric(
    "gaelp_launches", MetricKind.COUNTER, "Campaigns that were to be launched.", {"outcome": ("launched", "refused")}
)
EPISODES = Metric(
    "gaelp_simulated_episodes", MetricKind.COUNTER, "Simulated episodes.", {"purpose": _values(BatchPurpose)}
)
VERDICTS = Metric(
    "gaelp_verdicts",
    MetricKind.COUNTER,
    "Verdicts of the gates, by criterion.",
    {"phase": _values(PHASE_ORDER), "criterion": tuple(CRITERIA), "verdict": _values(Verdict)},
)
PLATFORM_CALLS = Metric(
    "gaelp_platform_calls",
    MetricKind.COUNTER,
    "Calls to an ad platform.",
    {"outcome": ("done", "refused", "throttled", "unreachable", "unknown")},
)
STOPS = Metric(
    "gaelp_account_stops",
    MetricKind.COUNTER,
    "Emergency stops that a worker tried.",
    {"outcome": ("stopped", "not-stopped")},
)
STOP_TIME = Metric("gaelp_account_stop", MetricKind.SECONDS, "How long an emergency stop took.", buckets=_SLOW)
REAPER_LOOKS = Metric(
    "gaelp_reaper_looks",
    MetricKind.COUNTER,
    "Looks of the reaper at all accounts; one that paused and had trouble is counted as both.",
    {"outcome": ("clear", "paused", "trouble")},
)
REAPER_LAST_LOOK = Metric(
    "gaelp_reaper_last_look_timestamp_seconds", MetricKind.GAUGE, "When the reaper last looked, in seconds since 1970."
)
REAPER_STILL_ENABLED = Metric(
    "gaelp_reaper_still_enabled_campaigns",
    MetricKind.GAUGE,
    "Campaigns that the reaper paused and read back as enabled.",
)
LEDGER_TIME = Metric(
    "gaelp_ledger_transaction",
    MetricKind.SECONDS,
    "How long a transaction of the ledger took, the wait for its turn included.",
    {"access": ("read", "write"), "outcome": ("committed", "rolled-back")},
    _QUICK,
)
SPENT = Metric("gaelp_spent_micros", MetricKind.GAUGE, "Spend that the ledger has counted, in micros.", _CURRENCY)
EXPOSURE = Metric("gaelp_open_exposure_micros", MetricKind.GAUGE, "What may still be billed, in micros.", _CURRENCY)
CAP_USED = Metric("gaelp_total_cap_used_ratio", MetricKind.GAUGE, "The highest used share of an account's total cap.")
RESERVATIONS = Metric(
    "gaelp_reservations", MetricKind.GAUGE, "Reserved campaign days.", {"state": ("open", "frozen", "settled")}
)
VIOLATIONS = Metric(
    "gaelp_open_violations", MetricKind.GAUGE, "Violations that nobody has cleared.", {"severity": _values(Severity)}
)
REQUESTS = Metric(
    "gaelp_undecided_approval_requests", MetricKind.GAUGE, "Approval requests that wait for a person.",
    {"state": ("open", "void")},
)  # fmt: skip
BOOKS_READ = Metric(
    "gaelp_books_read_timestamp_seconds",
    MetricKind.GAUGE,
    "When the gauges of the ledger were read, in seconds since 1970.",
)

METRICS: tuple[Metric, ...] = (
    *(TICKS, LAUNCHES, EPISODES, VERDICTS, PLATFORM_CALLS, STOPS, STOP_TIME),
    *(REAPER_LOOKS, REAPER_LAST_LOOK, REAPER_STILL_ENABLED, LEDGER_TIME),
    *(SPENT, EXPOSURE, CAP_USED, RESERVATIONS, VIOLATIONS, REQUESTS, BOOKS_READ),
)
