"""Which entries of the ledger's journal a person is told of, how urgently, and when a message is due.

Whatever must be decided or is alarming is told at once; notes wait for the next message, a day at the most. Touch this
to tell people of another kind of entry.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.monitoring.ladder import STEP_WORDS, UNDOABLE, LadderStep
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.money import exact_money

NOTES_WAIT = timedelta(days=1)  # people stop reading what comes more often
BETWEEN = timedelta(minutes=1)  # two messages of one account; what comes meanwhile goes together in the next
REPEATS_WAIT = timedelta(hours=1)  # the same sentence again, as of somebody who knocks at the approval page all night
MOST_LINES = 30  # of one message


class Urgency(StrEnum):
    """How soon a person must know."""

    DECIDE = "waits for you"
    ALARM = "alarm"
    NOTE = "note"


@dataclass(frozen=True)
class Notification:
    """One sentence for the people of an account, and the journal's number that it stands for."""

    sequence: int
    at: datetime
    urgency: Urgency
    text: str


def notification_of(entry: JournalEntry, currency: str) -> Notification | None:
    """What a person is told of a journal entry; None where it is the daily business of a campaign."""
    told = _SENTENCES.get(entry.kind)
    if told is None:
        return None
    urgency, text = told(entry, json.loads(entry.detail or "{}"), currency)
    return Notification(entry.sequence, entry.at, urgency, text)


def message_due(
    notifications: Sequence[Notification], now: datetime, last: datetime | None, repeated: Collection[str] = ()
) -> bool:
    """Whether these notifications are sent now; `last` is when the account's last message was sent, or tried.

    `repeated` are sentences that were sent within REPEATS_WAIT: by themselves they wait as long.
    """
    if not notifications or (last is not None and now - last < BETWEEN):
        return False
    return any(now - each.at >= _waits(each, repeated) for each in notifications)


def _waits(notification: Notification, repeated: Collection[str]) -> timedelta:
    if notification.urgency is Urgency.NOTE:
        return NOTES_WAIT
    return REPEATS_WAIT if notification.text in repeated else timedelta.min


def message(account: str, notifications: Sequence[Notification]) -> tuple[str, str]:
    """Title and plain text of one message: what waits for a person first, then alarms, then notes, each by time.

    Equal sentences are one line with their number.
    """
    counts = [(urgency, sum(each.urgency is urgency for each in notifications)) for urgency in Urgency]
    title = f"GAELP, {account}: " + ", ".join(f"{count} × {urgency}" for urgency, count in counts if count)
    ranks = list(Urgency)
    ordered = sorted(notifications, key=lambda each: (ranks.index(each.urgency), each.sequence))
    times = Counter(f"{each.urgency}: {each.text}" for each in ordered)
    lines = [line if count == 1 else f"{line} ({count} times)" for line, count in times.items()]
    if (left := len(lines) - MOST_LINES) > 0:
        lines[MOST_LINES:] = [f"and {left} more: see `starter.py list` and the runs' reports"]
    return title, "\n".join(lines)


# ------------------------------------------------------------ the sentences

_Told = tuple[Urgency, str]
_Detail = Mapping[str, Any]


def _request(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    most = exact_money(entry.amount_micros, currency)
    return Urgency.DECIDE, (
        f"run {entry.run} asks to spend at most {most} in phase {entry.phase}: read the card with `starter.py approve "
        f"{entry.run}`; silence is a refusal"
    )


def _decided(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    word = "approved" if entry.kind == "approve" else "rejected"
    return Urgency.NOTE, f"request {entry.key} of run {entry.run} was {word}"


def _refused(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    on = f" on request {entry.key}" if entry.key else ""  # none: of the page that registers a passkey
    return Urgency.ALARM, f"refused{on}: {detail.get('reason', '')}"


def _violation(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    urgency = Urgency.ALARM if detail.get("severity") in ("critical", "high") else Urgency.NOTE
    return urgency, (
        f"{detail.get('severity', '')} violation {detail.get('violation', '')} of {entry.campaign or entry.run}: "
        f"{detail.get('evidence', '')}"
    )


def _fence(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.ALARM, (
        f"account {entry.account} is stopped by {detail.get('by', '')}: {detail.get('reason', '')}; every approval is "
        "void until somebody signs anew"
    )


def _run_stopped(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.ALARM, f"run {entry.run} is stopped by {detail.get('by', '')}: {detail.get('reason', '')}"


def _frozen(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    counted = exact_money(entry.amount_micros, currency)
    return Urgency.ALARM, (
        f"what {entry.campaign} cost on {detail.get('day', '')} is not known and counts as {counted}: see "
        f"`starter.py reconcile --account {entry.account}`"
    )


def _verdict(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.NOTE, f"run {entry.run}, phase {entry.phase}: the gate says {detail.get('verdict', '')}"


def _pass_lost(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    urgency = Urgency.NOTE if detail["to"].startswith(f"{entry.run}/") else Urgency.ALARM  # its own end is known
    return urgency, f"run {entry.run}: {lost_in_words(entry.phase, detail['to'])} ({detail['failed']})"


def _account(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.NOTE, f"the envelope of account {entry.account} was changed by {detail.get('by', '')}"


def _approver(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    key, by = entry.key, detail.get("by", "")
    if entry.kind == "approver-removed":
        return Urgency.ALARM, f"key {key} may approve nothing any more on account {entry.account}: removed by {by}"
    most = exact_money(entry.amount_micros, currency)
    return Urgency.ALARM, (
        f"{detail.get('name', '')} may approve up to {most} on account {entry.account}, with key {key}: entered by {by}"
    )


def _cleared(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.NOTE, (
        f"a violation of run {entry.run} was cleared by {detail.get('by', '')}: {detail.get('reason', '')}"
    )


def _alert(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    urgency = Urgency.NOTE if detail["severity"] == "low" else Urgency.ALARM
    return urgency, f"run {entry.run}: {detail['evidence']}"


def _step(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    step, reason = LadderStep(detail["step"]), detail["reason"]
    text = f"monitoring {STEP_WORDS[step]} {entry.campaign}: {reason}"
    if step in UNDOABLE:
        text += f"; `starter.py undo {entry.run} {entry.key} --reason …` restores it, but not {detail['lost']}"
    return {LadderStep.NOTE: Urgency.NOTE, LadderStep.HOLD: Urgency.DECIDE}.get(step, Urgency.ALARM), text


def _undone(entry: JournalEntry, detail: _Detail, currency: str) -> _Told:
    return Urgency.NOTE, (
        f"the {detail['step']} of {entry.campaign} by monitoring was undone by {detail['by']}: {detail['reason']}"
    )


_SENTENCES = {
    "request": _request,
    "approve": _decided,
    "reject": _decided,
    "refuse": _refused,
    "violation": _violation,
    "violation-resolved": _cleared,
    "fence": _fence,
    "run-stopped": _run_stopped,
    "freeze": _frozen,
    "found": _frozen,
    "verdict": _verdict,
    "pass-lost": _pass_lost,
    "account": _account,
    "approver": _approver,
    "approver-removed": _approver,
    "alert": _alert,
    "monitoring-step": _step,
    "monitoring-undone": _undone,
}
