"""What monitoring did in a run, in rows for the report. Touch this to show one more thing of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep, SettingsInForce, StepTaken
from gaelp.money import bare_money


@dataclass(frozen=True)
class StepRow:
    """A step of the ladder, worded."""

    key: str
    campaign: str  # its phase and its name within it
    day: str  # of the account
    step: str
    why: str
    evidence: tuple[str, ...]  # a line for each anomaly that it rests on
    settings: str  # the daily budget before and after
    stands: str  # whether it does, or who has undone it and why


def step_rows(steps: Sequence[StepTaken], currency: str) -> list[StepRow]:
    """A row for each step, by day; amounts are in the account's currency."""
    return [
        StepRow(
            each.key, f"{each.phase}, {each.campaign.rpartition('/')[2]}", each.day.isoformat(), each.step, each.reason,
            tuple(f"{one.metric.replace('_', ' ')}: e-value {one.e_value:,.3g}" for one in each.evidence),
            _settings(each, currency), _stands(each),
        )
        for each in sorted(steps, key=lambda step: (step.day, step.campaign, step.number))
    ]  # fmt: skip


def _settings(step: StepTaken, currency: str) -> str:
    before, after = (_in_words(each, currency) for each in (step.before, step.after))
    return f"{before}, unchanged" if before == after else f"{before} → {after}"


def _in_words(settings: SettingsInForce, currency: str) -> str:
    return f"{bare_money(settings.daily_budget_micros, currency)} a day" if settings.enabled else "paused"


def _stands(step: StepTaken) -> str:
    if step.undone_by:
        return f"undone by {step.undone_by}: {step.undone_because}"
    if step.step is LadderStep.NOTE:
        return "for reading"
    return "stands" if step.step in UNDOABLE else "final"
