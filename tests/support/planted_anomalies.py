"""Anomalies and steps as tests state them. Touch this when a step rests on one more thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from gaelp.domain.monitoring.anomalies import Anomaly
from gaelp.domain.monitoring.ladder import SettingsInForce, StepTaken, WatchedCampaign, due_step
from tests.support.ledgers import NOW, UNIT

CAMPAIGN = "run-a/live-test/campaign-00"
FIRST = date(2026, 1, 10)
SETTINGS = SettingsInForce(enabled=True, daily_budget_micros=25 * UNIT, bid_micros=(5 * UNIT, 6 * UNIT))


def anomaly(metric: str = "ctr", direction: str = "down", grade: str = "act", **changes: Any) -> Anomaly:
    """A shift since the day before FIRST."""
    values: dict[str, Any] = {
        "metric": metric, "kind": "shift", "direction": direction, "since": FIRST - timedelta(days=1),
        "noticed": FIRST, "value": 0.01, "expected": 0.02, "e_value": 1e4, "measurement": False, "grade": grade,
        "sentence": f"{metric} went {direction}",
    }  # fmt: skip
    return Anomaly.model_validate({**values, **changes})


def on(day: int, settings: SettingsInForce = SETTINGS) -> WatchedCampaign:
    """The campaign so many days after FIRST."""
    return WatchedCampaign(
        account="acme", campaign=CAMPAIGN, currency="USD", settings=settings, today=FIRST + timedelta(days=day), at=NOW
    )


def walked(days: Sequence[tuple[int, Sequence[Anomaly]]]) -> tuple[StepTaken, ...]:
    """The steps that are taken when the ladder looks on those days and sees those anomalies."""
    steps: tuple[StepTaken, ...] = ()
    for day, anomalies in days:
        step = due_step(anomalies, steps, on(day))
        steps = steps if step is None else (*steps, step)
    return steps


def undone(step: StepTaken) -> StepTaken:
    """The step as a person has undone it."""
    return step.model_copy(update={"undone_by": "Ada", "undone_because": "a holiday"})


def of_run(step: StepTaken, run: str, account: str) -> StepTaken:
    """The step as it is of another run's first campaign."""
    campaign = f"{run}/live-test/campaign-00"
    named = {"run": run, "account": account, "campaign": campaign, "key": f"{campaign}/step-{step.number}"}
    return step.model_copy(update=named)
