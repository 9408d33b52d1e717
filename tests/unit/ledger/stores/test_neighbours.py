"""What is done for one account, run, campaign or day is done for no other, and each reading returns its own alone.

Two accounts, three runs and all that they can leave behind; after every change the whole database is compared with what
it was, so that a statement that forgot whose row it means is noticed wherever it writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign, campaigns_digest
from gaelp.domain.spending.ledger_records import OUTSIDE_PAUSE, AttemptSeries, Severity, Violation
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, UNIT, booking, claim

RUNS = {"run-a": "acme", "run-b": "acme", "run-c": "other"}
GROWING = ("journal", "journal_counter")
TOMORROW = DAY + timedelta(days=1)
Rows = dict[tuple[str, str], dict[str, Any]]


def campaign(run: str, number: int = 0, phase: Phase = Phase.LIVE_TEST) -> str:
    return f"{run}/{phase}/campaign-{number:02d}"


def day_key(run: str, day: Any = DAY) -> str:
    return booking(0, run=run, day=day).key


def series(run: str, **changes: Any) -> AttemptSeries:
    known = {"account": RUNS[run], "product": "p", "agent": run, "gate": Phase.LIVE_TEST}
    return AttemptSeries.model_validate(known | changes)


def approved(run: str) -> list[ApprovedCampaign]:
    """Two campaigns of two days each, the second one of which may cost less; listed otherwise than by name."""
    budgets = {1: 4 * UNIT, 0: 100 * UNIT}
    ceilings = [
        exposure_line(campaign(run, number), "emulator", budget, 2, "USD") for number, budget in budgets.items()
    ]
    return [kit.CAMPAIGNS[0].model_copy(update={"ceiling": ceiling}) for ceiling in ceilings]


def leave_traces(ledger: Ledger, run: str) -> None:
    """An approved request, another that is open, two days, two claims, a violation and an attempt."""
    account = RUNS[run]
    ledger.register_run(run, account, NOW)
    ledger.keep_campaigns(approved(run))
    asked = {"account": account, "run": run, "request_id": f"{run}/live-test#1"}
    known = {"campaigns_digest": campaigns_digest(approved(run)), "campaign_count": 2, "nonce": f"{run} 1"}
    kit.approve(ledger, kit.request(**asked, **known))
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        later = {"account": account, "run": run, "phase": phase, "request_id": f"{run}/{phase}#2"}
        ledger.open_request(kit.request(**later, nonce=f"{run} {phase} 2"), "", NOW)
    for number, day in enumerate((DAY, TOMORROW)):
        day_booking = booking(5, run=run, account=account, day=day, request_id=f"{run}/live-test#1")
        reserved = ledger.reserve(day_booking)
        assert reserved.granted, reserved.reason
        assert ledger.claim(
            claim("create", key=f"{run}-{number}", account=account, run=run, campaign=campaign(run, number))
        ).granted
    ledger.record_violation(
        Violation(
            id=f"{run}-v", account=account, run=run, phase=Phase.LIVE_TEST, campaign=campaign(run), kind="k",
            severity=Severity.LOW, evidence="e", at=NOW,
        )
    )  # fmt: skip
    for gate in (Phase.LIVE_TEST, Phase.SCALED):
        ledger.next_attempt(series(run, gate=gate), f"{run}/{gate}", NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{file}")
    for account in ("other", "acme"):
        opened.put_account(kit.account(account=account), at=NOW)
        opened.put_approver(kit.approver(account=account), at=NOW)
    for run in ("run-c", "run-b", "run-a"):
        leave_traces(opened, run)
    yield opened
    opened.close()


def rows(file: Path) -> Rows:
    """Every row of the database by table and primary key."""
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
    found: Rows = {}
    for table in names:
        columns = connection.execute(f"pragma table_info({table})").fetchall()
        keys = [column["name"] for column in columns if column["pk"]]
        for row in connection.execute(f"select * from {table}"):  # noqa: S608 - the database's own names
            found[table, ", ".join(str(row[key]) for key in keys)] = dict(row)
    connection.close()
    return found


def changed(file: Path, act: Callable[[], object]) -> set[tuple[str, str]]:
    """The rows that were there before and are otherwise, or gone, after an act."""
    before = rows(file)
    act()
    after = rows(file)
    return {key for key, row in before.items() if after.get(key) != row and key[0] not in GROWING}


def test_a_stop_of_an_account_changes_that_account_and_what_is_asked_on_it(file: Path, ledger: Ledger) -> None:
    """Its fence, and its open requests; an approved one is void by the fence alone."""
    asked = {
        ("approval_requests", f"{run}/{phase}#2") for run in ("run-a", "run-b") for phase in ("live-test", "scaled")
    }
    assert changed(file, lambda: ledger.raise_fence("acme", "drill", "Ada", NOW)) == {("accounts", "acme"), *asked}


def test_a_stop_of_a_run_changes_that_run_and_what_it_asks(file: Path, ledger: Ledger) -> None:
    """Another run of the same account goes on; what the run was approved ends with it."""
    asked = {("approval_requests", f"run-a/{phase}") for phase in ("live-test#1", "live-test#2", "scaled#2")}
    assert changed(file, lambda: ledger.stop_run("run-a", "drill", "Ada", NOW)) == {("runs", "run-a"), *asked}
    asked = {("approval_requests", f"run-b/{phase}") for phase in ("live-test#1", "live-test#2", "scaled#2")}
    assert changed(file, lambda: ledger.end_run("run-b", NOW)) == {("runs", "run-b"), *asked}


@pytest.mark.parametrize("stopped", RUNS)
def test_a_run_that_was_stopped_books_nothing_more_and_every_other_goes_on(ledger: Ledger, stopped: str) -> None:
    """The refusal names the run that was stopped."""
    ledger.stop_run(stopped, "drill", "Ada", NOW)
    for run, account in RUNS.items():
        asked = booking(6, run=run, account=account, request_id=f"{run}/live-test#1")
        reserved = ledger.reserve(asked)
        assert reserved.granted is (run != stopped)
        assert ledger.judge_run(run).granted is (run != stopped)
        assert reserved.granted or reserved.reason == ledger.judge_run(run).reason


def test_a_new_request_supersedes_what_the_same_phase_of_the_same_run_asks(file: Path, ledger: Ledger) -> None:
    """What another phase, or another run, asks stays open; so does what was approved."""
    anew = kit.request(request_id="run-a/live-test#3", nonce="3")
    superseded = {("approval_requests", "run-a/live-test#2")}
    assert changed(file, lambda: ledger.open_request(anew, "", NOW)) == superseded


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_decision_closes_one_request(file: Path, ledger: Ledger, decision: str) -> None:
    """Each person signs for one."""
    request_id = "run-b/live-test#2"
    payload = signatures.sign(kit.KEY.pem, ledger.request(request_id).request, decision).model_dump()
    assert changed(file, lambda: ledger.decide(request_id, "s", payload, NOW)) == {("approval_requests", request_id)}


def test_an_account_is_changed_alone(file: Path, ledger: Ledger) -> None:
    """Its envelope, and an approver's limit on it."""
    envelope = kit.account(daily_cap_micros=7 * UNIT)
    assert changed(file, lambda: ledger.put_account(envelope)) == {("accounts", "acme")}
    mine = ("approvers", f"acme, {kit.KEY.key_id}")
    assert changed(file, lambda: ledger.put_approver(kit.approver(limit_micros=1))) == {mine}
    assert changed(file, lambda: ledger.remove_approver("acme", kit.KEY.key_id)) == {mine}


def test_spend_is_posted_and_settled_on_one_day(file: Path, ledger: Ledger) -> None:
    """That day's reservation changes, and the totals that it is part of."""
    key = day_key("run-a")
    for act in (lambda: ledger.post(key, UNIT, UNIT, NOW), lambda: ledger.settle(key, 2 * UNIT, NOW)):
        found = changed(file, act)
        assert {row for row in found if row[0] != "totals"} == {("reservations", key)}
        assert all(row[1].count("run-b") + row[1].count("run-c") + row[1].count("other") == 0 for row in found)


@pytest.mark.parametrize(("run", "account"), RUNS.items())
def test_spend_above_its_day_trips_the_stop_of_its_own_account(ledger: Ledger, run: str, account: str) -> None:
    """Its fence rises by one, and that of the other account stays."""
    posted = ledger.post(day_key(run), 6 * UNIT, 6 * UNIT, NOW)
    assert (posted.over, posted.fence) == (True, 1)
    assert {name: ledger.fence(name) for name in ("acme", "other")} == {"acme": 0, "other": 0, account: 1}


def test_a_claim_is_resolved_alone(file: Path, ledger: Ledger) -> None:
    """And granted again alone, after it has failed; what was done, or is not known, stays so."""
    ledger.resolve("run-b-0", "done", "", NOW, "17")
    ledger.resolve("run-a-1", "unknown", "no answer", NOW)
    assert changed(file, lambda: ledger.resolve("run-a-0", "failed", "500", NOW)) == {("claims", "run-a-0")}
    again = claim("create", key="run-a-0", campaign=campaign("run-a"))
    assert changed(file, lambda: ledger.claim(again)) == {("claims", "run-a-0")}


def test_a_violation_is_cleared_alone(file: Path, ledger: Ledger) -> None:
    """By its id."""
    clear = lambda: ledger.resolve_alert("run-a", "run-a-v", "Ada", "seen", NOW)  # noqa: E731 - an act like the others
    assert changed(file, clear) == {("violations", "run-a-v")}


@pytest.mark.parametrize("name", ["account", "product", "agent", "gate"])
def test_attempts_are_reset_for_one_series(file: Path, ledger: Ledger, name: str) -> None:
    """A series that differs in anything keeps its count."""
    differs = {"account": "other", "product": "q", "agent": "another", "gate": Phase.HISTORICAL}[name]
    ledger.next_attempt(series("run-a", **{name: differs}), "elsewhere", NOW)
    own = {("attempts", "acme, p, run-a, live-test, run-a/live-test")}
    assert changed(file, lambda: ledger.reset_attempts(series("run-a"), "Ada", "rebuilt", NOW)) == own
    assert changed(file, lambda: ledger.reset_attempts(series("run-a"), "Ada", "rebuilt", NOW)) == set()


def test_attempts_are_listed_with_what_was_forgiven(ledger: Ledger) -> None:
    """Each series by itself: what counts now, and what a person has forgiven."""
    ledger.next_attempt(series("run-a"), "again", NOW)
    ledger.reset_attempts(series("run-a"), "Ada", "rebuilt", NOW)
    ledger.next_attempt(series("run-a"), "since", NOW)
    counts = {(each.series.agent, each.series.gate): (each.used, each.forgiven) for each in ledger.attempts()}
    assert counts == {(run, gate): (1, 0) for run in RUNS for gate in (Phase.LIVE_TEST, Phase.SCALED)} | {
        ("run-a", Phase.LIVE_TEST): (1, 2)
    }


def test_only_the_campaign_that_somebody_else_has_paused_is_refused_its_enabling(ledger: Ledger) -> None:
    """Until a person clears it; other calls, and other campaigns, are granted as before."""
    paused = Violation(
        id="p-1", account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign=campaign("run-a"), kind=OUTSIDE_PAUSE,
        severity=Severity.MEDIUM, evidence="e", at=NOW,
    )  # fmt: skip
    ledger.record_outside_pause(paused)
    claims = [
        claim(intent, key=f"{name}/{intent}", campaign=name)
        for name in (campaign("run-a"), campaign("run-a", 1))
        for intent in ("enable", "budget")
    ]
    answers = [ledger.claim(each) for each in claims]
    assert [answer.granted for answer in answers] == [False, True, True, True]
    assert answers[0].reason == ledger.judge_enabling(campaign("run-a")).reason
    ledger.resolve_alert("run-a", "p-1", "Ada", "seen", NOW)
    assert ledger.claim(claims[0]).granted


def test_an_assessment_of_one_name_counts_in_each_series(ledger: Ledger) -> None:
    """The same run and gate under another product is another attempt."""
    assert ledger.next_attempt(series("run-a"), "again", NOW) == 2
    assert ledger.next_attempt(series("run-a", product="q"), "again", NOW) == 1
    assert ledger.next_attempt(series("run-a"), "run-a/live-test", NOW) == 1


def test_days_are_frozen_of_the_account_or_campaign_that_is_named(ledger: Ledger) -> None:
    """Without a name all that have passed; what is already frozen or settled is left as it is."""
    ledger.settle(day_key("run-b"), 0, NOW)
    assert ledger.freeze_expired(TOMORROW, NOW, "acme", campaign("run-b")) == ()
    assert ledger.freeze_expired(DAY, NOW) == ()
    assert ledger.freeze_expired(TOMORROW, NOW, "acme") == (day_key("run-a"),)
    assert ledger.freeze_expired(TOMORROW, NOW) == (day_key("run-c"),)
    late = DAY + timedelta(days=2)
    assert ledger.freeze_expired(late, NOW, "acme", campaign("run-b")) == (day_key("run-b", TOMORROW),)


def test_what_is_read_of_a_run_is_its_own(ledger: Ledger) -> None:
    """Requests, violations, reservations and spend, in the order of time."""
    ledger.post(day_key("run-a"), UNIT, UNIT, NOW)
    for run in RUNS:
        assert [v.id for v in ledger.violations(run)] == [f"{run}-v"]
        assert {stored.request.run for stored in ledger.undecided_requests(run)} == {run}
        assert [r.key for r in ledger.reservations(run=run)] == [day_key(run), day_key(run, TOMORROW)]
        assert ledger.spent(run) == (UNIT if run == "run-a" else 0)
        assert (ledger.spent(run, "live-test"), ledger.spent(run, "scaled")) == (ledger.spent(run), 0)


def test_what_is_read_of_an_account_is_its_own(ledger: Ledger) -> None:
    """Open claims, created campaigns, waiting phases, exposure and reservations."""
    assert [c.key for c in ledger.unresolved_claims("other")] == ["run-c-0", "run-c-1"]
    assert {c.run for c in ledger.created_campaigns("acme")} == {"run-a", "run-b"}
    assert ledger.waiting_phases("other") == ("run-c/live-test", "run-c/scaled")
    assert (ledger.open_exposure("acme"), ledger.open_exposure("other")) == (20 * UNIT, 10 * UNIT)
    assert {r.run for r in ledger.reservations("acme")} == {"run-a", "run-b"}
    assert ledger.differing_totals("acme") == ledger.differing_totals("other") == ()


def test_open_claims_are_listed_oldest_first(ledger: Ledger) -> None:
    """By their instants, then by their keys; one that ended is not open, one whose outcome is not known is."""
    known = {"account": "other", "run": "run-c"}
    for key, minutes in (("z", -1), ("y", -1), ("x", 1)):
        pause = claim("pause", key=key, at=NOW + timedelta(minutes=minutes), campaign=campaign("run-c"), **known)
        assert ledger.claim(pause).granted
    assert [c.key for c in ledger.unresolved_claims("other")] == ["y", "z", "run-c-0", "run-c-1", "x"]
    for key, outcome in (("y", "done"), ("run-c-0", "failed"), ("x", "unknown")):
        ledger.resolve(key, outcome, "", NOW)
    assert [c.key for c in ledger.unresolved_claims("other")] == ["z", "run-c-1", "x"]


def test_created_campaigns_that_may_still_be_billed_come_first_and_then_the_newest(ledger: Ledger) -> None:
    """A stop pauses them in this order."""
    for name, minutes in (("old", 1), ("new", 2)):
        late = claim("create", key=name, at=NOW + timedelta(minutes=minutes), campaign=f"run-a/live-test/{name}")
        assert ledger.claim(late).granted
    order = [c.campaign.rpartition("/")[2] for c in ledger.created_campaigns("acme") if c.run == "run-a"]
    assert order == ["campaign-00", "new", "old", "campaign-01"]
    assert ledger.claim(claim("pause", key="p", campaign="run-a/live-test/never")).granted
    assert "run-a/live-test/never" not in {c.campaign for c in ledger.created_campaigns("acme", True)}


def test_a_campaign_that_was_created_is_found_by_its_name_alone(ledger: Ledger) -> None:
    """One whose create failed is listed only where failed ones are wanted; what may be billed comes first."""
    ledger.resolve("run-a-0", "done", "", NOW, "17")
    ledger.resolve("run-a-1", "failed", "", NOW)
    first, second = campaign("run-a"), campaign("run-a", 1)
    listed = {
        (failed, one): [c.campaign for c in ledger.created_campaigns("acme", failed, one) if c.run == "run-a"]
        for failed in (True, False)
        for one in (None, first, second)
    }
    assert listed == {
        (True, None): [first, second], (True, first): [first], (True, second): [second],
        (False, None): [first], (False, first): [first], (False, second): [],
    }  # fmt: skip
    known = {c.campaign: (c.platform_id, c.unsettled) for c in ledger.created_campaigns("acme", True)}
    assert known[first] == ("17", True) and known[second] == ("", False)
    for day in (DAY, TOMORROW):
        ledger.settle(day_key("run-a", day), 0, NOW)
    assert not next(c for c in ledger.created_campaigns("acme", True, first)).unsettled


def test_a_list_of_campaigns_is_read_as_it_was_kept(ledger: Ledger) -> None:
    """In its order, under its digest, and none of another list."""
    for run in RUNS:
        assert list(ledger.approved_campaigns(campaigns_digest(approved(run)))) == approved(run)


def test_a_campaign_is_held_to_its_own_ceiling(ledger: Ledger) -> None:
    """Its sibling may spend more, and a campaign that was not signed nothing."""
    asked = {"run": "run-a", "request_id": "run-a/live-test#1"}
    assert ledger.reserve(booking(20, **asked)).granted
    assert not ledger.reserve(booking(20, campaign=1, **asked)).granted
    assert not ledger.reserve(booking(1, campaign=2, **asked)).granted


def test_a_list_that_nobody_signed_lifts_no_ceiling(ledger: Ledger) -> None:
    """Lists are kept before anybody is asked: what another list says of the campaign allows nothing."""
    for number, budget in enumerate((1000 * UNIT, UNIT)):
        ceiling = exposure_line(campaign("run-b", 1), "emulator", budget, 30 + number, "USD")
        ledger.keep_campaigns([kit.CAMPAIGNS[0].model_copy(update={"ceiling": ceiling})])
    asked = {"run": "run-b", "request_id": "run-b/live-test#1", "campaign": 1}
    assert not ledger.reserve(booking(20, **asked)).granted
    assert ledger.reserve(booking(8, **asked)).granted


def test_runs_are_listed_in_the_order_in_which_they_were_registered(ledger: Ledger) -> None:
    """Oldest first, and by their names where the instants are equal."""
    for run, minutes in (("run-z", 1), ("run-y", 1), ("run-x", -1)):
        ledger.register_run(run, "acme", NOW + timedelta(minutes=minutes))
    assert [each.run for each in ledger.runs()] == ["run-x", "run-a", "run-b", "run-c", "run-y", "run-z"]


def test_requests_are_listed_and_withdrawn_in_the_order_in_which_they_were_opened(ledger: Ledger) -> None:
    """By their instants, and by their names where these are equal; what the run was approved comes among them."""
    ledger.register_run("run-d", "acme", NOW)
    for phase, minutes in ((Phase.SCALED, 2), (Phase.LIVE_TEST, 2), (Phase.HISTORICAL, 3), (Phase.SIMULATION, 1)):
        asked = kit.request(run="run-d", phase=phase, request_id=f"run-d/{phase}#1", nonce=phase)
        ledger.open_request(asked, "", NOW + timedelta(minutes=minutes))
    opened = [f"run-d/{phase}#1" for phase in ("simulation", "live-test", "scaled", "historical")]
    assert [stored.request.request_id for stored in ledger.undecided_requests("run-d")] == opened
    ledger.end_run("run-d", NOW)
    assert [entry.key for entry in ledger.journal(kinds=("withdraw",))] == opened
    assert ledger.undecided_requests("run-d") == ()


def test_the_days_of_a_campaign_are_counted_for_itself(ledger: Ledger) -> None:
    """A campaign of two days is refused a third; a sibling has its own, and a booked day may be booked again."""
    third = DAY + timedelta(days=2)
    asked = {"run": "run-a", "request_id": "run-a/live-test#1"}
    assert not ledger.reserve(booking(5, day=third, **asked)).granted
    assert ledger.reserve(booking(5, day=third, campaign=1, **asked)).granted  # a day may cost twice its budget
    assert ledger.reserve(booking(6, day=TOMORROW, **asked)).granted
    assert {r.campaign for r in ledger.reservations(campaign=campaign("run-a"))} == {campaign("run-a")}
