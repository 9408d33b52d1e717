"""The ladder of monitoring: the step that a campaign's anomalies ask for, given the steps that stand.

By criterion 14 of docs/gates.md: note, hold the ramp, cut to the floor, pause, stop. It only lowers: a person restores,
by undoing a step. Touch this to change when a step is taken or what it does.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from enum import StrEnum

from gaelp.domain.frozen import Frozen
from gaelp.domain.ids import phase_of_campaign, run_of_campaign, step_key
from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, Direction, WatchedMetric
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignState
from gaelp.money import rounded_down, smallest_unit_micros

FLOOR_SHARE = 10  # a cut leaves so many-th of the budget in force, so that the campaign is still measured
PATIENCE = {"hold": 1, "cut": 2, "pause": 7}  # days of the account that a step is given before the next one
SUSPICION_DAYS = 7  # that nobody's answer keeps suspected days out of a drawdown; the stop-loss is blind no longer


class LadderStep(StrEnum):
    """What monitoring may do, from the mildest to the strictest."""

    NOTE = "note"
    HOLD = "hold"
    CUT = "cut"
    PAUSE = "pause"
    STOP = "stop"


LADDER = tuple(LadderStep)
UNDOABLE = (LadderStep.HOLD, LadderStep.CUT, LadderStep.PAUSE)

STEP_WORDS = {
    LadderStep.NOTE: "notes of",
    LadderStep.HOLD: "allows no raise of",
    LadderStep.CUT: "has cut the budget of",
    LadderStep.PAUSE: "has paused",
    LadderStep.STOP: "has stopped",
}
"""What a step has done, in words between "monitoring" and the campaign's name."""
LOST = {
    LadderStep.NOTE: "nothing was changed",
    LadderStep.HOLD: "what a raise would have brought meanwhile",
    LadderStep.CUT: "the platform's learning, which a lower budget may have restarted, and the traffic missed",
    LadderStep.PAUSE: "the platform's learning, which a pause may have restarted, and the traffic missed",
    LadderStep.STOP: "the campaign: it has ended, and a new one needs a new approval",
}
"""What no undo brings back, by step."""

_U, _D = Direction.UP, Direction.DOWN
HARMFUL = frozenset(
    {
        (WatchedMetric.SPEND, _U), (WatchedMetric.PACING, _U), (WatchedMetric.CPA, _U), (WatchedMetric.CTR, _D),
        (WatchedMetric.CONVERSIONS_PER_CLICK, _D), (WatchedMetric.CLAIMED_OVER_ORDERS, _U),
        (WatchedMetric.CLAIMED_OVER_ORDERS, _D), (WatchedMetric.WIN_RATE, _D), (WatchedMetric.ERRORS, _U),
        (WatchedMetric.LOST_IMPRESSION_SHARE, _U), (WatchedMetric.DISAPPROVALS, _U),
        (WatchedMetric.LANDING_PAGE, _U), (WatchedMetric.LANDING_PAGE, _D),
        (WatchedMetric.PAYMENT, _U), (WatchedMetric.PAYMENT, _D),
    }
)  # fmt: skip
"""The anomalies that may cost money; any other is a note at the most."""
BY_CONVERSIONS = frozenset({WatchedMetric.CPA, WatchedMetric.CONVERSIONS_PER_CLICK, WatchedMetric.CLAIMED_OVER_ORDERS})
"""Metrics that say nothing while the measuring of conversions is suspected."""


class SettingsInForce(Frozen):
    """The settings of a campaign that a step may lower."""

    enabled: bool
    daily_budget_micros: int
    bid_micros: tuple[int, ...]  # by segment

    @classmethod
    def of(cls, state: CampaignState) -> SettingsInForce:
        """Those of a campaign as it reads."""
        return cls(enabled=state.enabled, daily_budget_micros=state.daily_budget_micros, bid_micros=state.bid_micros)


class StepTaken(Frozen):
    """One step of the ladder as the ledger keeps it. `undone_by` is empty while it stands."""

    key: str  # CAMPAIGN/step-N
    account: str
    run: str
    phase: Phase
    campaign: str
    number: int  # within the campaign, from 1
    step: LadderStep
    day: datetime.date  # of the account's time zone
    reason: str
    evidence: tuple[Anomaly, ...]
    before: SettingsInForce
    after: SettingsInForce
    at: datetime.datetime
    undone_by: str = ""
    undone_because: str = ""


class WatchedCampaign(Frozen):
    """A campaign on the day on which the ladder looks at it."""

    account: str
    campaign: str
    currency: str
    settings: SettingsInForce
    today: datetime.date  # of the account's time zone
    at: datetime.datetime


class HeldBack(Frozen):
    """What the strictest standing step leaves a campaign; settings may lie below it and never above."""

    paused: bool
    frozen: bool  # the measuring is suspected: no setting changes but the lease
    daily_budget_micros: int
    bid_micros: tuple[int, ...]

    def limited(self, wanted: CampaignState, before: CampaignState) -> CampaignState:
        """The settings that a decision asks for, where it may have them; `before` is what the platform reads now."""
        ceiling = {"daily_budget_micros": min(wanted.daily_budget_micros, self.daily_budget_micros)}
        if self.frozen:
            kept = {"bid_micros": before.bid_micros, "creative_prob": before.creative_prob}
            return wanted.model_copy(update={**kept, **ceiling})
        bids = zip(wanted.bid_micros, self.bid_micros, strict=True)
        return wanted.model_copy(update={**ceiling, "bid_micros": tuple(min(pair) for pair in bids)})


def held_back(steps: Sequence[StepTaken]) -> HeldBack | None:
    """What a campaign's steps leave it; None where none stands. The lowest of each setting counts."""
    standing = _standing(steps)
    if not standing:
        return None
    afters = [each.after for each in standing]
    return HeldBack(
        paused=any(each.step is LadderStep.PAUSE for each in standing),
        frozen=any(anomaly.measurement for each in standing for anomaly in each.evidence),
        daily_budget_micros=min(each.daily_budget_micros for each in afters),
        bid_micros=tuple(min(bids) for bids in zip(*(each.bid_micros for each in afters), strict=True)),
    )


def held_of_each(steps: Sequence[StepTaken]) -> dict[str, HeldBack]:
    """The same of every campaign that has a standing step."""
    by_campaign: dict[str, list[StepTaken]] = {}
    for step in steps:
        by_campaign.setdefault(step.campaign, []).append(step)
    held = {campaign: held_back(its) for campaign, its in by_campaign.items()}
    return {campaign: leaves for campaign, leaves in held.items() if leaves is not None}


def standing_in_words(steps: Sequence[StepTaken]) -> tuple[str, ...]:
    """One sentence for each campaign that monitoring holds back: the strictest step, why, and how to undo it.

    None for one that it has stopped, of which nothing is undone.
    """
    stopped = {each.campaign for each in steps if each.step is LadderStep.STOP}
    last = {each.campaign: each for each in _standing(steps) if each.campaign not in stopped}
    return tuple(
        f"monitoring {STEP_WORDS[each.step]} {each.campaign} since {each.day.isoformat()}: {each.reason}; `starter.py "
        f"undo {each.run} {each.key} --reason …` restores it"
        for each in last.values()
    )


def suspected_days(steps: Sequence[StepTaken]) -> tuple[datetime.date, datetime.date] | None:
    """The first day whose conversions may be measured wrongly, by the steps that stand, and when they count again.

    From that second day on, which comes where nobody answers, all of them count with what they cost. None: none may.
    """
    suspects = [(each.since, step.day) for step in _standing(steps) for each in step.evidence if each.measurement]
    if not suspects:
        return None
    noticed = min(day for _, day in suspects)
    return min(since for since, _ in suspects), noticed + datetime.timedelta(days=SUSPICION_DAYS)


def stopped_from_outside(steps: Sequence[StepTaken]) -> bool:
    """Whether monitoring has stopped the campaign for what is no doing of its agent: a page or a payment that fails."""
    stops = any(each.step is LadderStep.STOP for each in steps)
    paused = [each for each in _standing(steps) if each.step is LadderStep.PAUSE]
    return stops and any(_to_act_upon(a, suspected=False) and _wastes_all(a) for each in paused for a in each.evidence)


def due_step(anomalies: Sequence[Anomaly], steps: Sequence[StepTaken], watched: WatchedCampaign) -> StepTaken | None:
    """The step that a day's anomalies ask for, as it is to be recorded; None where nothing is to be done."""
    step = next_step(anomalies, steps, watched.today)
    if step is None:
        return None
    evidence = _evidence_of(step, anomalies, steps)
    number = len(steps) + 1
    return StepTaken(
        key=step_key(watched.campaign, number), account=watched.account, run=run_of_campaign(watched.campaign),
        phase=phase_of_campaign(watched.campaign), campaign=watched.campaign, number=number, step=step,
        day=watched.today, reason=_reason_of(step, evidence, steps), evidence=evidence, before=watched.settings,
        after=_settings_after(step, watched.settings, watched.currency), at=watched.at,
    )  # fmt: skip


def next_step(anomalies: Sequence[Anomaly], steps: Sequence[StepTaken], today: datetime.date) -> LadderStep | None:
    """Which step it is: at most one a day, and one rung at a time but for a landing page or a payment that fails.

    A step further needs more evidence than the last one rested on, after the last one has had its days to work; a pause
    that nobody answers becomes a stop.
    """
    standing = _standing(steps)
    last = standing[-1] if standing else None
    patient = last is not None and (today - last.day).days < PATIENCE[last.step]
    if any(each.day >= today or each.step is LadderStep.STOP for each in steps):
        return None
    if last is not None and last.step is LadderStep.PAUSE:
        return None if patient else LadderStep.STOP
    changed = _change(_not_accepted(anomalies, steps), last, patient=patient)
    if changed is None and _evidence_of(LadderStep.NOTE, anomalies, steps):
        return LadderStep.NOTE
    return changed


def _change(open_: Sequence[Anomaly], last: StepTaken | None, *, patient: bool) -> LadderStep | None:
    """The step that changes something, of what no person has accepted; `last` is the strictest that stands."""
    suspected = any(each.measurement for each in open_)
    serious = [each for each in open_ if _to_act_upon(each, suspected=suspected)]
    if any(_wastes_all(each) for each in serious):
        return LadderStep.PAUSE
    if last is None:
        return LadderStep.HOLD if serious or suspected else None
    grown = not patient and any(_grown(each, last) for each in serious)
    return LADDER[LADDER.index(last.step) + 1] if grown else None


def _evidence_of(step: LadderStep, anomalies: Sequence[Anomaly], steps: Sequence[StepTaken]) -> tuple[Anomaly, ...]:
    """The anomalies that a step rests on: a note, those that nobody was told of; any other, those not accepted."""
    if step is LadderStep.NOTE:
        return tuple(each for each in anomalies if not any(_rests_on(step, each) for step in steps))
    return _not_accepted(anomalies, steps)


def _settings_after(step: LadderStep, before: SettingsInForce, currency: str) -> SettingsInForce:
    """What a step leaves of the settings in force, never more of anything."""
    if step in (LadderStep.PAUSE, LadderStep.STOP):
        return before.model_copy(update={"enabled": False})
    if step is LadderStep.CUT:
        tenth = rounded_down(before.daily_budget_micros // FLOOR_SHARE, currency)
        floor = min(max(tenth, smallest_unit_micros(currency)), before.daily_budget_micros)
        return before.model_copy(update={"daily_budget_micros": floor})
    return before


def _reason_of(step: LadderStep, evidence: Sequence[Anomaly], steps: Sequence[StepTaken]) -> str:
    """Why a step is taken, in a sentence for each anomaly."""
    if step is LadderStep.STOP:
        paused = _standing(steps)[-1]
        return f"it is paused since {paused.day.isoformat()}, and nobody has restored it: {paused.reason}"
    return "; ".join(each.sentence for each in sorted(evidence, key=lambda each: each.noticed))


def _standing(steps: Sequence[StepTaken]) -> list[StepTaken]:
    return [each for each in steps if each.step in UNDOABLE and not each.undone_by]


def _not_accepted(anomalies: Sequence[Anomaly], steps: Sequence[StepTaken]) -> tuple[Anomaly, ...]:
    """Those for which no person has undone a step; that an undone one began by then is accepted for good."""
    undone = [each for each in steps if each.undone_by]
    return tuple(each for each in anomalies if not any(_rests_on(step, each) for step in undone))


def _rests_on(step: StepTaken, anomaly: Anomaly) -> bool:
    return anomaly.since <= step.day and any(_same(each, anomaly) for each in step.evidence)


def _same(one: Anomaly, other: Anomaly) -> bool:
    return (one.metric, one.direction) == (other.metric, other.direction)


def _to_act_upon(anomaly: Anomaly, *, suspected: bool) -> bool:
    """A cost per conversion is no reason to cut while the conversions may be measured wrongly."""
    harmful = anomaly.grade is AnomalyGrade.ACT and (anomaly.metric, anomaly.direction) in HARMFUL
    return harmful and not anomaly.measurement and not (suspected and anomaly.metric in BY_CONVERSIONS)


def _wastes_all(anomaly: Anomaly) -> bool:
    """Every click leads to nothing, or nothing can be paid: no step between makes sense."""
    return anomaly.metric in (WatchedMetric.LANDING_PAGE, WatchedMetric.PAYMENT)


def _grown(anomaly: Anomaly, last: StepTaken) -> bool:
    """Whether there is more evidence than the last step rested on; a condition that holds needs no more."""
    before = [each.e_value for each in last.evidence if _same(each, anomaly)]
    return anomaly.kind is AnomalyKind.STATE or anomaly.e_value > max(before, default=0.0)
