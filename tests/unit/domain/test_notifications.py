"""What people are told of the ledger's journal, how urgently, and when."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.notifications import MOST_LINES, Notification, Urgency, message, message_due, notification_of
from gaelp.domain.spending.ledger_records import JournalEntry
from tests.support.ledgers import NOW


def entry(kind: str, amount_micros: int = 0, **detail: Any) -> JournalEntry:
    return JournalEntry(
        sequence=7, at=NOW, kind=kind, account="acme", run="spring", phase="live-test",
        campaign="spring/live-test/campaign-00", key="spring/live-test#1", amount_micros=amount_micros,
        detail=json.dumps(detail),
    )  # fmt: skip


def step(word: str) -> JournalEntry:
    return entry("monitoring-step", step=word, reason="CTR fell", lost="all")


def told(sequence: int, urgency: Urgency) -> Notification:
    return Notification(sequence, NOW, urgency, f"sentence {sequence}")


@pytest.mark.parametrize(
    ("written", "urgency", "said"),
    [
        (entry("request", 300_000_000), Urgency.DECIDE, "asks to spend at most 300.00 USD in phase live-test"),
        (entry("fence", by="Ada", reason="drill"), Urgency.ALARM, "stopped by Ada: drill"),
        (entry("run-stopped", by="Ada", reason="drill"), Urgency.ALARM, "run spring is stopped by Ada: drill"),
        (entry("freeze", 5_000_000, day="2026-11-20"), Urgency.ALARM, "not known and counts as 5.00 USD"),
        (entry("found", 5_000_000, day="2026-11-20"), Urgency.ALARM, "not known and counts as 5.00 USD"),
        (entry("refuse", reason="the key is unknown"), Urgency.ALARM, "the key is unknown"),
        (entry("violation", severity="high", violation="raised", evidence="9 of 5"), Urgency.ALARM, "9 of 5"),
        (entry("violation", severity="low", violation="raised", evidence="9 of 5"), Urgency.NOTE, "9 of 5"),
        (entry("violation-resolved", by="Ada", reason="credited"), Urgency.NOTE, "cleared by Ada: credited"),
        (entry("verdict", verdict="PASS"), Urgency.NOTE, "the gate says PASS"),
        (entry("pass-lost", to="b/scaled", failed="12 x"), Urgency.ALARM, "b/scaled failed with the same agent state"),
        (entry("pass-lost", to="spring/scaled", failed="12 x"), Urgency.NOTE, "which must pass it again (12 x)"),
        (entry("approve"), Urgency.NOTE, "was approved"),
        (entry("reject"), Urgency.NOTE, "was rejected"),
        (entry("account", by="Ada"), Urgency.NOTE, "changed by Ada"),
        (entry("approver", 5_000_000, name="Bo", by="Ada"), Urgency.ALARM, "Bo may approve up to 5.00 USD"),
        (entry("approver-removed", by="Ada"), Urgency.ALARM, "removed by Ada"),
        (entry("alert", severity="low", evidence="6 of 10"), Urgency.NOTE, "run spring: 6 of 10"),
        (entry("alert", severity="medium", evidence="6 of 10"), Urgency.ALARM, "run spring: 6 of 10"),
        (step("note"), Urgency.NOTE, "notes of spring/live-test/campaign-00: CTR fell"),
        (
            step("hold"),
            Urgency.DECIDE,
            "starter.py undo spring spring/live-test#1 --reason …` restores it, but not",
        ),
        (step("cut"), Urgency.ALARM, "has cut the budget of"),
        (step("pause"), Urgency.ALARM, "has paused"),
        (step("stop"), Urgency.ALARM, "has stopped spring/live-test/campaign-00: CTR fell"),
        (entry("monitoring-undone", step="cut", by="Ada", reason="a holiday"), Urgency.NOTE, "by Ada: a holiday"),
    ],
)
def test_each_kind_of_entry_has_its_urgency_and_its_sentence(
    written: JournalEntry, urgency: Urgency, said: str
) -> None:
    """What waits for a person and what is alarming is told apart from what is only noted."""
    notification = notification_of(written, "USD")
    assert notification is not None and notification.urgency is urgency and said in notification.text


@pytest.mark.parametrize("kind", ["reserve", "post", "settle", "claim", "resolve", "run", "attempt"])
def test_the_daily_business_of_a_campaign_is_not_told(kind: str) -> None:
    """People stop reading what comes at every tick."""
    assert notification_of(entry(kind, 5), "USD") is None


def test_notes_wait_for_a_day_and_alarms_do_not() -> None:
    """A note alone is due after a day, and at once beside something that is urgent."""
    note, alarm = told(1, Urgency.NOTE), told(2, Urgency.ALARM)
    assert not message_due([note], NOW + timedelta(hours=23, minutes=59), None)
    assert message_due([note], NOW + timedelta(days=1), None)
    assert message_due([note, alarm], NOW, None)
    assert not message_due([], NOW + timedelta(days=9), None)


def test_two_messages_are_a_minute_apart() -> None:
    """What is alarming within a minute of the last message goes with the next."""
    alarm = [told(2, Urgency.ALARM)]
    assert not message_due(alarm, NOW, NOW - timedelta(seconds=59))
    assert message_due(alarm, NOW, NOW - timedelta(seconds=60))


def test_a_message_begins_with_what_waits_for_a_person() -> None:
    """The title counts, the text puts decisions first and says how many lines it leaves out."""
    notes = [told(number, Urgency.NOTE) for number in range(MOST_LINES)]
    title, text = message("acme", [*notes, told(99, Urgency.ALARM), told(100, Urgency.DECIDE)])
    lines = text.splitlines()
    assert title == f"GAELP, acme: 1 × waits for you, 1 × alarm, {MOST_LINES} × note"
    assert lines[:3] == ["waits for you: sentence 100", "alarm: sentence 99", "note: sentence 0"]
    assert len(lines) == MOST_LINES + 1 and lines[-1].startswith("and 2 more")


def test_equal_sentences_are_one_line_with_their_number() -> None:
    """Somebody who tries the approval page a hundred times fills no message."""
    knocks = [Notification(number, NOW, Urgency.ALARM, "refused: the link was used") for number in range(100)]
    title, text = message("acme", [*knocks, told(200, Urgency.NOTE)])
    assert title == "GAELP, acme: 100 × alarm, 1 × note"
    assert text.splitlines() == ["alarm: refused: the link was used (100 times)", "note: sentence 200"]


def test_a_sentence_that_was_just_sent_waits_an_hour_by_itself_and_goes_with_any_other() -> None:
    """An alarm that repeats every minute is told once an hour; a new one is told at once, and takes it along."""
    knock, other = told(1, Urgency.ALARM), told(2, Urgency.ALARM)
    sent = {knock.text}
    assert message_due([knock], NOW, None) and not message_due([knock], NOW, None, sent)
    assert not message_due([knock], NOW + timedelta(minutes=59), None, sent)
    assert message_due([knock], NOW + timedelta(minutes=60), None, sent)
    assert message_due([knock, other], NOW, None, sent)
