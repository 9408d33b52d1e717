"""Alerts: what a person should know of a run, equal ones as one, and whether it is open, silenced or resolved.

All of it follows from the ledger's journal, so that no state is kept twice. Touch this when another entry of the
journal is an alert, or when something else may be silenced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gaelp.domain.frozen import Frozen
from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep
from gaelp.domain.spending.ledger_records import CAMPAIGN_LIMIT, OUTSIDE_PAUSE, JournalEntry, Severity

LONGEST_SILENCE = timedelta(days=30)
_OF_STEP = {
    LadderStep.NOTE: Severity.LOW,
    LadderStep.HOLD: Severity.MEDIUM,
    LadderStep.CUT: Severity.HIGH,
    LadderStep.PAUSE: Severity.HIGH,
    LadderStep.STOP: Severity.CRITICAL,
}


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    SILENCED = "silenced"  # open, and no message is sent of it
    RESOLVED = "resolved"


class Alert(Frozen):
    """Equal things as one: of one campaign or run, of one kind, equally grave, and with one answer."""

    id: str  # of the newest; it stands for those before it
    account: str
    run: str
    campaign: str  # empty: of the whole run
    kind: str
    severity: Severity
    evidence: str  # of the newest
    count: int
    first: datetime
    last: datetime
    state: AlertState
    until: datetime | None  # of a silence
    by: str  # who has resolved or silenced it, and why; empty while nobody has
    because: str
    remedy: str  # the command that a person gives; empty once it is resolved


@dataclass(frozen=True)
class Group:
    """What makes alerts equal. A graver one is another alert, so that no silence hides it."""

    run: str
    campaign: str
    kind: str
    severity: Severity


@dataclass(frozen=True)
class Raised:
    """One thing that the journal notes and a person should know of."""

    id: str
    sequence: int
    account: str
    group: Group
    evidence: str
    at: datetime
    of: str  # the entry's kind
    step: LadderStep | None = None


@dataclass(frozen=True)
class Silence:
    """A person's word that no messages are wanted of equal alerts that come after it, until an instant."""

    sequence: int
    until: datetime
    by: str
    because: str


@dataclass
class AlertBook:
    """What the entries of the journal say: everything that was raised, and the persons' words on it."""

    raised: list[Raised]
    answers: dict[str, tuple[str, str]]  # id -> who has resolved it, and why
    silences: dict[Group, Silence]  # the newest of each

    def silence(self, group: Group, now: datetime | None) -> Silence | None:
        """The silence that holds by the wall clock, because alerts may have an emulator's instants. None: the last."""
        silence = self.silences.get(group)
        return silence if silence is not None and (now is None or now < silence.until) else None

    def tells_nobody(self, raised: Raised, now: datetime) -> bool:
        """Whether no message is wanted of it: a silence holds, and was there before it."""
        silence = self.silence(raised.group, now)
        return silence is not None and silence.sequence < raised.sequence

    def equal_until(self, id: str) -> Sequence[Raised]:
        """The alert of that id and the equal ones before it, oldest first; empty where there is none."""
        newest = next((each for each in self.raised if each.id == id), None)
        if newest is None:
            return ()
        return [each for each in self.raised if each.group == newest.group and each.sequence <= newest.sequence]


def raised_by(entry: JournalEntry) -> Raised | None:
    """What an entry raises; None where it raises nothing of a run."""
    reader = _RAISES.get(entry.kind)
    if reader is None or not entry.run:
        return None
    detail = _detail_of(entry)
    try:
        kind, severity, evidence = reader(detail)
        step = LadderStep(detail["step"]) if entry.kind == "monitoring-step" else None
    except (KeyError, ValueError):
        kind, severity, evidence, step = f"unknown {entry.kind}", Severity.CRITICAL, entry.detail, None
    of_run = entry.kind == "alert" and detail["limit"] != CAMPAIGN_LIMIT  # whichever campaign has crossed the share
    group = Group(entry.run, "" if of_run else entry.campaign, kind, severity)
    named = entry.kind in ("violation", "monitoring-step")  # these have a name of their own
    name = entry.key if named else f"{entry.run}/alert-{entry.sequence}"
    return Raised(name, entry.sequence, entry.account, group, evidence, entry.at, entry.kind, step)


def read_alerts(entries: Iterable[JournalEntry]) -> AlertBook:
    """The book of these entries; those of a run are in their order. A person's word that cannot be read is none."""
    book = AlertBook([], {}, {})
    for entry in entries:
        raised, detail = raised_by(entry), _detail_of(entry)
        if raised is not None:
            book.raised.append(raised)
        elif entry.kind in _ANSWERS and "by" in detail:
            ids = [each.id for each in book.equal_until(entry.key)] if entry.kind == "alert-resolved" else [entry.key]
            book.answers |= {id: (detail["by"], detail["reason"]) for id in ids if id not in book.answers}
        elif entry.kind == "alert-silenced" and "by" in detail and (equal := book.equal_until(entry.key)):
            until = datetime.fromisoformat(detail["until"])
            book.silences[equal[-1].group] = Silence(entry.sequence, until, detail["by"], detail["reason"])
    return book


def alerts_of(book: AlertBook, now: datetime | None) -> tuple[Alert, ...]:
    """Every alert: open ones first, the gravest of them before the others, the newest first among equals.

    Without `now`, for a page that is read later, each silence is shown with its end.
    """
    together: dict[tuple[Group, tuple[str, str] | None], list[Raised]] = {}
    for each in book.raised:
        together.setdefault((each.group, book.answers.get(each.id)), []).append(each)
    newest_first = sorted(together.items(), key=lambda each: -each[1][-1].sequence)
    alerts = [_alert(equal, answer, book.silence(group, now)) for (group, answer), equal in newest_first]
    states, severities = list(AlertState), list(Severity)
    return tuple(sorted(alerts, key=lambda each: (states.index(each.state), severities.index(each.severity))))


def why_no_silence(raised: Raised, now: datetime, until: datetime) -> str:
    """Why messages of such an alert may not be silenced until then; empty where they may."""
    if raised.step not in (None, LadderStep.NOTE) or raised.group.kind == OUTSIDE_PAUSE:
        return f"{raised.id} waits for a person's decision, so it is not silenced: {_remedy(raised)}"
    if raised.group.severity is Severity.CRITICAL:
        return f"{raised.id} is critical, and no critical alert is silenced: {_remedy(raised)}"
    if not now < until <= now + LONGEST_SILENCE:
        return f"a silence ends within {LONGEST_SILENCE.days} days, and after now"
    return ""


def why_not_resolved(raised: Raised) -> str:
    """Why a person's word does not resolve it; empty where it does."""
    if raised.step in UNDOABLE:
        return f"{raised.id} is a step that stands until it is undone: {_remedy(raised)}"
    return ""


def open_in_words(alerts: Sequence[Alert], run: str) -> str:
    """How many alerts of a run are open, and how grave the gravest is; empty where none is."""
    unresolved = [each for each in alerts if each.state is not AlertState.RESOLVED]
    if not unresolved:
        return ""
    counted = "1 alert is open" if len(unresolved) == 1 else f"{len(unresolved)} alerts are open"
    gravest = min((each.severity for each in unresolved), key=list(Severity).index)
    return f"{counted}, the gravest of severity {gravest}: `starter.py alerts {run}`"


def _alert(equal: Sequence[Raised], answer: tuple[str, str] | None, silence: Silence | None) -> Alert:
    newest = equal[-1]
    state, word, until = AlertState.OPEN, ("", ""), None
    if answer is not None:
        state, word = AlertState.RESOLVED, answer
    elif silence is not None:
        state, word, until = AlertState.SILENCED, (silence.by, silence.because), silence.until
    return Alert(
        id=newest.id, account=newest.account, **vars(newest.group), evidence=newest.evidence, count=len(equal),
        first=min(each.at for each in equal), last=max(each.at for each in equal), state=state, until=until,
        by=word[0], because=word[1], remedy="" if answer else _remedy(newest),
    )  # fmt: skip


def _remedy(raised: Raised) -> str:
    verb = "undo" if raised.step in UNDOABLE else "resolve"
    return f"`starter.py {verb} {raised.group.run} {raised.id} --reason …`"


# ------------------------------------------------------------ which entries of the journal are alerts

_Read = tuple[str, Severity, str]


def _detail_of(entry: JournalEntry) -> Mapping[str, Any]:
    """An entry's detail; one that cannot be read, in a damaged ledger, is grave and hides no other alert."""
    unknown = {"violation": "unknown", "limit": "unknown limit", "severity": Severity.HIGH, "evidence": entry.detail}
    try:
        return {**unknown, **json.loads(entry.detail or "{}")}
    except (ValueError, TypeError):
        return unknown


def _violation(detail: Mapping[str, Any]) -> _Read:
    return detail["violation"], Severity(detail["severity"]), detail["evidence"]


def _limit(detail: Mapping[str, Any]) -> _Read:
    return f"share of the {detail['limit']}", Severity(detail["severity"]), detail["evidence"]


def _refusal(detail: Mapping[str, Any]) -> _Read:
    return "refused decision", Severity.HIGH, detail.get("reason", "")


def _step(detail: Mapping[str, Any]) -> _Read:
    step = LadderStep(detail["step"])
    return f"monitoring: {step}", _OF_STEP[step], detail["reason"]


_RAISES: Mapping[str, Callable[[Mapping[str, Any]], _Read]] = {
    "violation": _violation,
    "alert": _limit,
    "refuse": _refusal,
    "monitoring-step": _step,
}
_ANSWERS = ("violation-resolved", "monitoring-undone", "alert-resolved")
ALERT_ENTRIES = (*_RAISES, *_ANSWERS, "alert-silenced")
"""The kinds of entries of the journal that this reads."""
