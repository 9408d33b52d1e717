"""What each change writes into the journal, to the last value: the warehouse's money rows are made of nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.gates.criterion import CriterionNumbers, Formula, criterion_verdict
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import request_digest
from gaelp.domain.spending.ledger_records import AttemptSeries, FoundExposure, Severity, Violation
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.messages.pausing import RefusedSignals
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, KEY, NOW, UNIT, booking, claim

LATER = NOW + timedelta(hours=1)
RUN, PHASE, CAMPAIGN = "run-a", "live-test", "run-a/live-test/campaign-00"
DAY_KEY = booking(0).key
DAY_OF = {"account": "acme", "run": RUN, "phase": PHASE, "campaign": CAMPAIGN, "key": DAY_KEY}
ASKED = {"account": "acme", "run": RUN, "phase": PHASE, "amount_micros": 300 * UNIT}
Act = Callable[[Ledger], object]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The account acme with the approver Ada, a run, and an approved request."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


def written(ledger: Ledger, act: Act) -> list[dict[str, Any]]:
    """The rows that an act writes, without what is empty; the detail as JSON."""
    before = len(ledger.journal(limit=100_000))
    act(ledger)
    rows = [entry.model_dump(exclude={"sequence"}) for entry in ledger.journal(limit=100_000)[before:]]
    for row in rows:
        row["detail"] = json.loads(row["detail"])
    return [{name: value for name, value in row.items() if value not in ("", 0)} for row in rows]


def row(kind: str, detail: dict[str, Any], at: Any = LATER, **subject: Any) -> dict[str, Any]:
    return {"kind": kind, "at": at, "detail": detail, **subject}


def violation(**changes: Any) -> Violation:
    known = {
        "id": "v1", "account": "acme", "run": RUN, "phase": Phase.LIVE_TEST, "campaign": CAMPAIGN, "kind": "k",
        "severity": Severity.CRITICAL, "evidence": "what was seen", "at": LATER,
    }  # fmt: skip
    return Violation.model_validate(known | changes)


ENVELOPE = kit.account(daily_cap_micros=7 * UNIT)
BO = signatures.new_key()
BOS = {"key_id": BO.key_id, "public_key": BO.public_key, "name": "Bo", "limit_micros": 9 * UNIT, "demo": True}
OTHER = kit.request(request_id="run-a/live-test#2", nonce="2", phase=Phase.SCALED)
SERIES = AttemptSeries(account="acme", product="p", agent="x", gate=Phase.LIVE_TEST)
NAMED = {"product": "p", "agent": "x", "gate": "live-test"}
FOUND = FoundExposure(
    key=DAY_KEY, account="acme", run=RUN, phase=Phase.LIVE_TEST, campaign=CAMPAIGN, day=DAY, worst_case_micros=8 * UNIT,
    request_id="run-a/live-test#1", at=LATER,
)  # fmt: skip

CHANGES: dict[str, tuple[Act, list[dict[str, Any]]]] = {
    "an account": (
        lambda ledger: ledger.put_account(ENVELOPE, by="Ada", at=LATER),
        [row("account", {"by": "Ada", "values": ENVELOPE.model_dump(mode="json")}, account="acme")],
    ),
    "an approver": (
        lambda ledger: ledger.put_approver(kit.approver(**BOS), by="Ada", at=LATER),
        [
            row("approver", {"by": "Ada", "name": "Bo", "demo": True}, account="acme", key=BO.key_id,
                amount_micros=9 * UNIT)
        ],
    ),
    "an approver who is removed": (
        lambda ledger: ledger.remove_approver("acme", KEY.key_id, by="Bo", at=LATER),
        [row("approver-removed", {"by": "Bo"}, account="acme", key=KEY.key_id)],
    ),
    "a fence": (
        lambda ledger: ledger.raise_fence("acme", "drill", "Ada", LATER),
        [row("fence", {"fence": 1, "reason": "drill", "by": "Ada", "voided": []}, account="acme")],
    ),
    "a run": (
        lambda ledger: ledger.register_run("run-b", "acme", LATER),
        [row("run", {}, account="acme", run="run-b", key="run-b")],
    ),
    "a stopped run": (
        lambda ledger: ledger.stop_run(RUN, "drill", "Ada", LATER),
        [
            row("run-stopped", {"reason": "drill", "by": "Ada"}, account="acme", run=RUN, key=RUN),
            row("withdraw", {}, **ASKED, key="run-a/live-test#1"),
        ],
    ),
    "an attempt": (
        lambda ledger: ledger.next_attempt(SERIES, "run-a/live-test", LATER),
        [row("attempt", {**NAMED, "attempt": 1}, account="acme", key="run-a/live-test")],
    ),
    "a request": (
        lambda ledger: ledger.open_request(OTHER, "the table", LATER),
        [
            row("request", {"digest": request_digest(OTHER), "purpose": "spend"}, **{**ASKED, "phase": "scaled"},
                key="run-a/live-test#2")
        ],
    ),
    "a reservation": (
        lambda ledger: ledger.reserve(booking(5)),
        [
            row("reserve", {"day": DAY.isoformat(), "request_id": "run-a/live-test#1", "before_micros": 0},
                NOW, **DAY_OF, amount_micros=5 * UNIT)
        ],
    ),
    "a claim": (
        lambda ledger: ledger.claim(claim("create", at=LATER)),
        [
            row("claim", {"intent": "create", "fence": 0}, account="acme", run=RUN, campaign=CAMPAIGN,
                key=claim("create").key)
        ],
    ),
    "a violation": (
        lambda ledger: ledger.record_violation(violation()),
        [
            row("violation", {"violation": "k", "severity": "critical", "evidence": "what was seen"},
                **{**DAY_OF, "key": "v1"})
        ],
    ),
    "a violation that stops": (
        lambda ledger: ledger.record_violation_and_stop(violation()),
        [
            row("violation", {"violation": "k", "severity": "critical", "evidence": "what was seen"},
                **{**DAY_OF, "key": "v1"}),
            row("fence", {"fence": 1, "reason": "what was seen", "by": "ledger", "voided": []}, account="acme"),
        ],
    ),
    "an exposure that was found": (
        lambda ledger: ledger.record_exposure(violation(), (FOUND,)),
        [
            row("found", {"day": DAY.isoformat()}, **DAY_OF, amount_micros=8 * UNIT),
            row("violation", {"violation": "k", "severity": "critical", "evidence": "what was seen"},
                **{**DAY_OF, "key": "v1"}),
            row("fence", {"fence": 1, "reason": "what was seen", "by": "ledger", "voided": []}, account="acme"),
        ],
    ),
    "signals that were refused": (
        lambda ledger: ledger.note_refused_signals(
            "run-a/live-test", "k", RefusedSignals(number=3, noted=1, last=("a", "b", "c")), LATER
        ),
        [row("refuse-signal", {"signals": 2, "reasons": ["b", "c"]}, run=RUN, key="run-a/live-test")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_one_row_with_all_that_it_says(ledger: Ledger, change: str) -> None:
    """Kind, instant, subject, amount, and who did it and why; nothing is left out, and nothing else is written."""
    act, expected = CHANGES[change]
    assert written(ledger, act) == expected


def test_what_a_day_goes_through_is_written_with_its_amounts(ledger: Ledger) -> None:
    """Raised, reported on, settled: each row has the amount of its own, and what was booked before it."""
    ledger.reserve(booking(5))
    day, subject = {"day": DAY.isoformat()}, {**DAY_OF}
    assert written(ledger, lambda it: it.reserve(booking(6))) == [
        row("reserve", {**day, "request_id": "run-a/live-test#1", "before_micros": 5 * UNIT}, NOW, **subject,
            amount_micros=6 * UNIT)
    ]  # fmt: skip
    assert written(ledger, lambda it: it.post(DAY_KEY, 2 * UNIT, 3 * UNIT, LATER)) == [
        row("post", {**day, "worst_case_micros": 6 * UNIT, "served_micros": 3 * UNIT, "final_micros": None}, **subject,
            amount_micros=2 * UNIT)
    ]  # fmt: skip
    assert written(ledger, lambda it: it.settle(DAY_KEY, 4 * UNIT, LATER)) == [
        row("settle", {**day, "worst_case_micros": 6 * UNIT}, **subject, amount_micros=4 * UNIT)
    ]
    again = LATER + timedelta(hours=1)
    post = written(ledger, lambda it: it.post(DAY_KEY, 4 * UNIT, 5 * UNIT, again))
    assert [each["detail"]["final_micros"] for each in post] == [4 * UNIT]


def test_more_than_was_booked_is_why_the_fence_rose(ledger: Ledger) -> None:
    """The fence's row repeats the evidence of the violation that trips it, so that a person reads what happened."""
    ledger.reserve(booking(5))
    posted, over, fence = written(ledger, lambda it: it.post(DAY_KEY, 9 * UNIT, 9 * UNIT, LATER))
    assert (posted["kind"], over["kind"], fence["kind"]) == ("post", "violation", "fence")
    assert "9" in over["detail"]["evidence"] and over["detail"]["severity"] == "critical"
    assert fence["detail"] == {"fence": 1, "reason": over["detail"]["evidence"], "by": "ledger", "voided": []}


def test_a_frozen_day_is_written_with_what_it_counts(ledger: Ledger) -> None:
    """It counts in full until someone reconciles it."""
    ledger.reserve(booking(5))
    frozen = written(ledger, lambda it: it.freeze_expired(DAY + timedelta(days=1), LATER))
    assert frozen == [row("freeze", {"day": DAY.isoformat()}, **DAY_OF, amount_micros=5 * UNIT)]


def test_a_cleared_violation_is_written_with_who_and_why(ledger: Ledger) -> None:
    """Only a named person with a reason clears it."""
    ledger.record_violation(violation())
    cleared = written(ledger, lambda it: it.resolve_alert(RUN, "v1", "Ada", "checked", LATER))
    assert cleared == [row("violation-resolved", {"by": "Ada", "reason": "checked"}, **{**DAY_OF, "key": "v1"})]


def test_a_resolved_claim_is_written_with_its_call_and_how_it_ended(ledger: Ledger) -> None:
    """The platform's own words stand there, and nothing is written where the claim says so already."""
    ledger.claim(claim("budget"))
    key = claim("budget").key
    subject = {"account": "acme", "run": RUN, "campaign": CAMPAIGN, "key": key}
    act: Act = lambda it: it.resolve(key, "unknown", "no answer", LATER)  # noqa: E731 - an act like the others
    expected = [row("resolve", {"intent": "budget", "outcome": "unknown", "result": "no answer"}, **subject)]
    assert (written(ledger, act), written(ledger, act)) == (expected, [])


def test_attempts_that_are_forgiven_are_written_with_who_and_why(ledger: Ledger) -> None:
    """And with the series and how many they were."""
    for number in range(2):
        ledger.next_attempt(SERIES, f"run-{number}/live-test", NOW)
    reset = written(ledger, lambda it: it.reset_attempts(SERIES, "Ada", "rebuilt", LATER))
    assert reset == [row("attempts-reset", {**NAMED, "by": "Ada", "reason": "rebuilt", "forgiven": 2}, account="acme")]


def test_what_a_gate_said_is_written_each_time_it_says_otherwise(ledger: Ledger) -> None:
    """With checkpoint, evidence and heads; the same again writes nothing, and the last one is what is known."""
    first = KeptVerdict(RUN, Phase.SIMULATION, "c" * 64, "e" * 64, ("bids",), Verdict.INCONCLUSIVE, promote=False)
    second = replace(first, evidence_digest="f" * 64, heads=("bids", "budgets"), verdict=Verdict.PASS, promote=True)
    for verdict in (first, second):
        told = {
            "checkpoint_digest": "c" * 64, "evidence_digest": verdict.evidence_digest, "heads": list(verdict.heads),
            "verdict": verdict.verdict, "promote": verdict.promote,
        }  # fmt: skip
        expected = row("verdict", told, account="acme", run=RUN, phase="simulation", key=f"{RUN}/simulation")
        act: Act = lambda it, verdict=verdict: it.keep_verdict("acme", verdict, LATER)  # noqa: E731 - an act
        assert (written(ledger, act), written(ledger, act)) == ([expected], [])
        assert ledger.verdicts(RUN) == (verdict,)


def test_a_pass_that_is_lost_is_written_once_for_the_run_that_had_it(ledger: Ledger) -> None:
    """With who took it and why; it stays lost when its own gate speaks again, and another gate takes nothing more."""
    ledger.begin_run(RUN, BegunTerms("acme", "mine", "c" * 64), NOW)
    held = KeptVerdict(RUN, Phase.SIMULATION, "c" * 64, "e" * 64, (), Verdict.PASS, promote=True)
    ledger.keep_verdict("acme", held, NOW)
    (passed,) = ledger.passed_gates("mine", "c" * 64)
    refuted = criterion_verdict("11", (Verdict.FAIL, "harm"), Formula.WEEKLY, CriterionNumbers())
    failed = KeptVerdict("b", Phase.SCALED, "c" * 64, "f" * 64, (), Verdict.FAIL, False, (refuted,))
    act: Act = lambda it: it.keep_verdict("acme", failed, LATER, [passed])  # noqa: E731 - an act like the others
    told = {"checkpoint": "c" * 64, "to": "b/scaled", "failed": "11 sustained improvement"}
    expected = row("pass-lost", told, account="acme", run=RUN, phase="simulation", key=f"{RUN}/simulation")
    assert (written(ledger, act)[1:], written(ledger, act)) == ([expected], [])
    again = replace(failed, run="d")
    assert [each["kind"] for each in written(ledger, lambda it: it.keep_verdict("acme", again, LATER, [passed]))] == [
        "verdict"
    ]
    for kept, entries in ((held, 0), (replace(held, evidence_digest="d" * 64), 1)):
        assert len(written(ledger, lambda it, kept=kept: it.keep_verdict("acme", kept, LATER))) == entries
        assert [each.lost_to for each in ledger.verdicts(RUN)] == ["b/scaled"]
    assert ledger.passed_gates("mine", "c" * 64) == ()


def test_a_decision_is_written_with_signature_and_reason(ledger: Ledger) -> None:
    """Whoever audits it needs the key, the digest, the signature and the approver's own words."""
    ledger.open_request(OTHER, "the table", NOW)
    signed = signatures.sign(KEY.pem, OTHER, "reject", "too much")
    assert written(ledger, lambda it: it.decide(OTHER.request_id, "s", signed.model_dump(), LATER, "reject")) == [
        row(
            "reject",
            {
                "approver": "Ada", "key_id": KEY.key_id, "digest": request_digest(OTHER),
                "signature": signed.signature, "reason": "too much", "daily_cap_micros": 50 * UNIT,
            },
            **{**ASKED, "phase": "scaled"},
            key=OTHER.request_id,
        )
    ]  # fmt: skip


def test_a_refused_decision_is_written_with_what_was_sent(ledger: Ledger) -> None:
    """About a request that is there, and about one that nobody opened."""
    ledger.open_request(OTHER, "the table", NOW)
    (known,) = written(ledger, lambda it: it.decide(OTHER.request_id, "s", "garbage", LATER))
    assert (known["kind"], known["key"], known["detail"]["payload"]) == ("refuse", OTHER.request_id, '"garbage"')
    (unknown,) = written(ledger, lambda it: it.decide("run-z/live-test#1", "t", "garbage", LATER))
    assert unknown == row(
        "refuse",
        {"reason": "no request 'run-z/live-test#1' was opened", "payload": '"garbage"'},
        key="run-z/live-test#1",
    )


def test_a_change_that_changes_nothing_writes_nothing(ledger: Ledger) -> None:
    """Repeating what was said adds no row, so that a retry is not seen as a second change."""
    ledger.reserve(booking(5))
    same: tuple[Act, ...] = (
        lambda it: it.put_account(it.account("acme"), by="Ada", at=LATER),
        lambda it: it.put_approver(kit.approver(), by="Ada", at=LATER),
        lambda it: it.register_run(RUN, "acme", NOW),
        lambda it: it.reserve(booking(5)),
        lambda it: it.freeze_expired(DAY, LATER),
    )
    assert [written(ledger, act) for act in same] == [[]] * len(same)
