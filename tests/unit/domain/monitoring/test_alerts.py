"""What an alert is by the journal, which are equal, and what may be silenced."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.monitoring.alerts import (
    ALERT_ENTRIES,
    AlertState,
    alerts_of,
    open_in_words,
    raised_by,
    read_alerts,
    why_no_silence,
)
from gaelp.domain.spending.ledger_records import JournalEntry
from tests.support.ledgers import NOW

CAMPAIGN = "a/live-test/campaign-00"
LIMIT = {"limit": "run's limit", "severity": "low", "evidence": "60 of 100"}
WORD = {"by": "Ada", "reason": "seen"}


def entry(sequence: int, kind: str, key: str = "", campaign: str = CAMPAIGN, **detail: Any) -> JournalEntry:
    return JournalEntry(
        sequence=sequence, at=NOW + timedelta(minutes=sequence), kind=kind, account="shop", run="a", phase="live-test",
        campaign=campaign, key=key, amount_micros=0, detail=json.dumps(detail),
    )  # fmt: skip


def violation(sequence: int, severity: str = "medium", kind: str = "changed-outside") -> JournalEntry:
    said = {"violation": kind, "severity": severity, "evidence": f"look {sequence}"}
    return entry(sequence, "violation", f"v{sequence}", **said)


def step(sequence: int, step: str) -> JournalEntry:
    return entry(sequence, "monitoring-step", f"{CAMPAIGN}/step-{sequence}", step=step, reason="ctr fell", lost="x")


def test_equal_alerts_are_one_with_their_number_and_their_span() -> None:
    """The newest names them and gives the evidence; another campaign, kind or severity is another alert."""
    other = violation(4).model_copy(update={"campaign": "a/live-test/campaign-01"})
    found = alerts_of(read_alerts([violation(1), violation(2), violation(3, "high"), other]), NOW)
    assert [(each.id, each.count, each.evidence) for each in found] == [
        ("v3", 1, "look 3"), ("v4", 1, "look 4"), ("v2", 2, "look 2")
    ]  # fmt: skip
    assert (found[2].first, found[2].last) == (NOW + timedelta(minutes=1), NOW + timedelta(minutes=2))
    assert found[0].remedy == "`starter.py resolve a v3 --reason …`"


def test_a_resolved_alert_stays_with_its_person_and_what_comes_later_is_open() -> None:
    """A word answers what was there when it was given; the same trouble again is an open alert."""
    resolved = entry(3, "alert-resolved", "a/alert-2", **WORD)
    found = alerts_of(read_alerts([entry(1, "alert", **LIMIT), entry(2, "alert", **LIMIT), resolved]), NOW)
    ((alert),) = found
    assert (alert.state, alert.by, alert.because, alert.count, alert.remedy) == ("resolved", "Ada", "seen", 2, "")
    again = alerts_of(
        read_alerts([entry(1, "alert", **LIMIT), entry(2, "alert", **LIMIT), resolved, entry(4, "alert", **LIMIT)]), NOW
    )
    assert [(each.id, each.state, each.count) for each in again] == [
        ("a/alert-4", AlertState.OPEN, 1), ("a/alert-2", AlertState.RESOLVED, 2)
    ]  # fmt: skip


def test_a_limit_of_the_run_is_one_alert_whichever_campaign_crosses_it() -> None:
    """Each campaign has a limit of its own, and the run one for all of them."""
    crossed = [entry(at, "alert", campaign=f"a/live-test/campaign-0{at}", **LIMIT) for at in (1, 2)]
    ((alert),) = alerts_of(read_alerts(crossed), NOW)
    assert (alert.campaign, alert.count) == ("", 2)
    own = {**LIMIT, "limit": "campaign's limit"}
    crossed = [entry(at, "alert", campaign=f"a/live-test/campaign-0{at}", **own) for at in (1, 2)]
    assert [each.count for each in alerts_of(read_alerts(crossed), NOW)] == [1, 1]


def test_a_step_is_open_until_it_is_undone() -> None:
    """It names `undo` and no other verb; an undo resolves it in the name of its person."""
    (held,) = alerts_of(read_alerts([step(1, "hold")]), NOW)
    assert (held.state, held.remedy) == ("open", f"`starter.py undo a {CAMPAIGN}/step-1 --reason …`")
    undone = entry(2, "monitoring-undone", f"{CAMPAIGN}/step-1", step="hold", **WORD)
    ((held),) = alerts_of(read_alerts([step(1, "hold"), undone]), NOW)
    assert (held.state, held.by) == ("resolved", "Ada")


def test_a_silence_holds_until_its_instant_for_what_comes_after_it() -> None:
    """It is shown with its person; a graver alert of the same kind, or one from before it, is told all the same."""
    until = (NOW + timedelta(hours=2)).isoformat()
    silenced = entry(2, "alert-silenced", "v1", until=until, **WORD)
    book = read_alerts([violation(1), silenced, violation(3), violation(4, "high")])
    told = {each.id: book.tells_nobody(each, NOW) for each in book.raised}
    assert told == {"v1": False, "v3": True, "v4": False}
    assert not any(book.tells_nobody(each, NOW + timedelta(hours=2)) for each in book.raised)
    by_id = {each.id: each for each in alerts_of(book, NOW)}
    assert (by_id["v3"].state, by_id["v3"].by, by_id["v4"].state) == ("silenced", "Ada", "open")
    assert {each.state for each in alerts_of(book, NOW + timedelta(hours=2))} == {"open"}


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (step(1, "hold"), "waits for a person's decision"),
        (step(1, "cut"), "waits for a person's decision"),
        (step(1, "pause"), "waits for a person's decision"),
        (step(1, "stop"), "waits for a person's decision"),
        (violation(1, kind="paused-outside"), "waits for a person's decision"),
        (violation(1, "critical"), "no critical alert is silenced"),
        (violation(1, "high"), ""),
        (step(1, "note"), ""),
        (entry(1, "alert", **LIMIT), ""),
        (entry(1, "refuse", "a/live-test#1", reason="unknown key"), ""),
    ],
)
def test_what_a_person_must_decide_is_never_silenced(raised: JournalEntry, why: str) -> None:
    """A step that holds back or ends, a pause from outside and what is critical are told; the rest may be silenced."""
    alert = raised_by(raised)
    assert alert is not None
    said = why_no_silence(alert, NOW, NOW + timedelta(hours=1))
    assert why in said and bool(said) == bool(why)


def test_what_waits_for_a_person_is_no_alert_and_so_cannot_be_silenced() -> None:
    """A request, a stop of an account or a run, and a change of approvers have no id that a silence could name."""
    for kind in ("request", "fence", "run-stopped", "approver", "approver-removed", "freeze", "verdict"):
        assert raised_by(entry(1, kind, by="Ada", reason="x")) is None and kind not in ALERT_ENTRIES


def test_a_silence_has_an_end_that_is_near() -> None:
    """Not before now and not after thirty days."""
    alert = raised_by(violation(1))
    assert alert is not None
    assert why_no_silence(alert, NOW, NOW) and why_no_silence(alert, NOW, NOW + timedelta(days=31))
    assert not why_no_silence(alert, NOW, NOW + timedelta(days=30))


def test_how_many_are_open_is_one_sentence() -> None:
    """Silenced ones count as open, resolved ones do not; where none is open nothing is said."""
    found = alerts_of(read_alerts([violation(1), violation(2, "high")]), NOW)
    assert open_in_words(found, "a") == "2 alerts are open, the gravest of severity high: `starter.py alerts a`"
    cleared = entry(3, "violation-resolved", "v2", **WORD)
    one = alerts_of(read_alerts([violation(1), violation(2, "high"), cleared]), NOW)
    assert open_in_words(one, "a").startswith("1 alert is open, the gravest of severity medium")
    assert open_in_words((), "a") == ""


@pytest.mark.parametrize("detail", ["no JSON", "[1]", "{}", ""])
def test_what_cannot_be_read_is_an_alert_all_the_same(detail: str) -> None:
    """A damaged entry hides neither itself nor another one."""
    damaged = violation(1).model_copy(update={"detail": detail})
    assert [each.severity for each in alerts_of(read_alerts([damaged, violation(2)]), NOW)] == ["high", "medium"]


@pytest.mark.parametrize("detail", ["no JSON", "{}", '{"step": "leap", "reason": "why"}'])
def test_a_step_that_cannot_be_read_is_never_silenced(detail: str) -> None:
    """Nobody knows what it holds back, so it is critical."""
    damaged = step(1, "hold").model_copy(update={"detail": detail})
    raised = raised_by(damaged)
    assert raised is not None and "critical" in why_no_silence(raised, NOW, NOW + timedelta(hours=1))
    assert [each.severity for each in alerts_of(read_alerts([damaged, violation(2)]), NOW)] == ["critical", "medium"]


@pytest.mark.parametrize("kind", ["violation-resolved", "alert-resolved", "alert-silenced"])
def test_a_word_that_cannot_be_read_answers_nothing(kind: str) -> None:
    """The alert stays open, and told."""
    damaged = entry(2, kind, "v1").model_copy(update={"detail": "no JSON"})
    assert [each.state for each in alerts_of(read_alerts([violation(1), damaged]), NOW)] == [AlertState.OPEN]
