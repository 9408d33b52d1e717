"""A run as a tracker of experiments takes it: parameters, metrics by batch, verdicts, and the report as one file.

Touch this to tell trackers one more thing; a tracker of another make is an entry point (docs/observability.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from gaelp.errors import GaelpError
from gaelp.reports.report_facts import Facts

GROUP = "gaelp.trackers"


class TrackerFailed(GaelpError):
    """There is no such tracker, or it did not take the run."""


@dataclass(frozen=True)
class TrackedMetric:
    """A number with its name and the step that it belongs to."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class TrackedRun:
    """All that a tracker is given. Amounts are integer micros of the account's currency."""

    run: str
    began: datetime
    ended: datetime | None  # none: it goes on, and may be sent again
    parameters: Mapping[str, str]  # the configuration by path, "simulation.rounds"
    labels: Mapping[str, str]  # agent, profile, account, outcome, and "verdict.PHASE"
    metrics: tuple[TrackedMetric, ...]
    report: Path  # one HTML file


Tracker = Callable[[TrackedRun], str]
"""Takes a run, however often it is sent, and returns where it can be looked at."""


def send(name: str, run: TrackedRun) -> str:
    """Give a run to the tracker of that name, and return where it can be looked at. Raises TrackerFailed.

    What a tracker raises is named by its type alone, because its text may hold an address with a password.
    """
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in offered:
        raise TrackerFailed(f"there is no tracker {name!r}: installed are {', '.join(sorted(offered)) or 'none'}")
    try:
        tracker: Tracker = offered[name].load()
        return tracker(run)
    except ModuleNotFoundError as error:
        raise TrackerFailed(f"tracker {name!r} needs the package {error.name}, which is not installed") from error
    except Exception as error:  # a foreign package may raise anything
        kind = type(error).__name__
        raise TrackerFailed(
            f"tracker {name!r} did not take {run.run} ({kind}): look at the tracker's own settings"
        ) from None


def tracked_run(facts: Facts, report: Path) -> TrackedRun:
    """A run as its report knows it."""
    verdicts = {f"verdict.{phase}": str(rows[0]["verdict"]) for phase, rows in facts.criteria.items() if rows}
    known = {
        name: str(facts.started[name]) for name in ("agent", "profile", "mode", "account") if facts.started.get(name)
    }
    outcome = {"outcome": str(facts.outcome)} if facts.outcome else {}
    settings = facts.config.model_dump(mode="json") if facts.config else {}
    return TrackedRun(
        run=facts.run,
        began=facts.started["at"],
        ended=facts.ended["at"] if facts.ended else None,
        parameters=dict(_flat(settings)),
        labels=known | outcome | verdicts,
        metrics=tuple(_metrics(facts)),
        report=report,
    )


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", str(value)


def _metrics(facts: Facts) -> Iterator[TrackedMetric]:
    """Rewards and regret by batch, the estimate and the bound of each criterion, and what was billed."""
    for batch in facts.batches:
        purpose = "exam" if batch.exam else "train"
        yield TrackedMetric(f"{purpose}.reward", batch.reward, batch.number)
        for part, share in batch.lost.items():
            yield TrackedMetric(f"{purpose}.regret.{part}", share, batch.number)
    for phase, rows in facts.criteria.items():
        for row in rows:
            for name in ("estimate", "bound", "threshold"):
                if row[name] is not None:
                    yield TrackedMetric(f"{phase}.criterion-{row['criterion']}.{name}", float(row[name]))
    yield TrackedMetric("billed_micros", facts.billed_micros)
