"""The totals that caps are checked against are the sums of the reservations, whatever happens to these."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gaelp.domain.spending.ledger_records import FoundExposure, Reserve, Violation
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.running_totals import (
    Scope,
    sums_of,
)
from gaelp.ledger.statements import CompiledStatement
from gaelp.ledger.stores import reservation_store, totals_store
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, UNIT, booking

ACCOUNTS = ("acme", "zenith")
REQUESTS = {"acme": "run-a/live-test#1", "zenith": "run-a/live-test#2"}


def on_two_accounts(ledger: Ledger) -> Ledger:
    """The kit's ledger, and a second account on which the same run may spend."""
    ledger.put_account(kit.account(account="zenith"), at=NOW)
    ledger.put_approver(kit.approver(account="zenith"), at=NOW)
    kit.approve(ledger, kit.request(account="zenith", request_id=REQUESTS["zenith"]))
    return ledger


class ChangedBooks(RuleBasedStateMachine):
    """Every change of a reservation that the ledger knows, on two accounts, by one run."""

    days = st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 1), st.integers(0, 2))
    amounts = st.integers(0, 40)

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="gaelp-totals-")
        self.ledger = on_two_accounts(kit.prepared_file(Path(self.folder, "ledger.db")))
        self.minutes = 0

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def _asked(self, day: tuple[str, int, int], worst: int) -> dict[str, Any]:
        account, campaign, offset = day
        self.minutes += 1
        wanted = booking(worst, campaign=campaign, day=DAY + timedelta(days=offset))
        own = {"account": account, "request_id": REQUESTS[account], "at": NOW + timedelta(minutes=self.minutes)}
        return wanted.model_dump() | own | {"key": f"{account}/{wanted.key}"}

    @rule(day=days, worst=amounts)
    def reserve(self, day: tuple[str, int, int], worst: int) -> None:
        self.ledger.reserve(Reserve.model_validate(self._asked(day, worst)), run_cap_micros=60 * UNIT)

    @rule(day=days, worst=amounts)
    def find(self, day: tuple[str, int, int], worst: int) -> None:
        asked = self._asked(day, worst)
        found = FoundExposure(**{name: asked[name] for name in FoundExposure.model_fields})
        violation = dict(id=asked["key"], kind="changed-outside", severity="high", evidence="somebody edits")
        named = {name: asked[name] for name in ("account", "run", "phase", "campaign", "at")}
        self.ledger.record_exposure(Violation.model_validate({**violation, **named}), (found,))

    @rule(day=days, billed=amounts, served=amounts, final=st.booleans())
    def report(self, day: tuple[str, int, int], billed: int, served: int, final: bool) -> None:
        asked = self._asked(day, 0)
        if asked["key"] not in {each.key for each in self.ledger.reservations(asked["account"])}:
            return
        if final:
            self.ledger.settle(asked["key"], billed * UNIT, asked["at"])
        else:
            self.ledger.post(asked["key"], billed * UNIT, served * UNIT, asked["at"])

    @rule(offset=st.integers(0, 3))
    def freeze(self, offset: int) -> None:
        self.ledger.freeze_expired(DAY + timedelta(days=offset), NOW)

    @invariant()
    def every_total_is_the_sum_of_its_reservations(self) -> None:
        assert [self.ledger.differing_totals(account) for account in ACCOUNTS] == [(), ()]

    @invariant()
    def what_is_answered_is_what_the_reservations_say(self) -> None:
        booked = self.ledger.reservations()
        spent = sum(sums_of(each).spent_micros for each in booked)
        assert self.ledger.spent("run-a") == self.ledger.spent("run-a", "live-test") == spent
        for account in ACCOUNTS:
            open_days = [each for each in booked if each.account == account and each.state != "settled"]
            assert self.ledger.open_exposure(account) == sum(each.counted_micros for each in open_days)


ChangedBooks.TestCase.settings = settings(
    max_examples=15, stateful_step_count=15, deadline=None, phases=[Stage.explicit, Stage.generate]
)


class TestTotalsFollowEveryChange(ChangedBooks.TestCase):
    """Whatever the order of reserve, post, settle, freeze and what somebody else has done."""


def test_a_change_that_leaves_the_totals_alone_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without its totals a reservation makes six of them differ, each with both figures."""
    ledger = kit.prepared_file(tmp_path / "ledger.db")
    monkeypatch.setattr(totals_store, "change", lambda *_: None)
    assert ledger.reserve(booking(3)).granted
    told = ledger.differing_totals("acme")
    assert len(told) == len(Scope)
    assert (
        "the total of account acme, day 2026-11-22 is kept as 0 micros counted, 0 unsettled, 0 spent, and its "
        "reservations add up to 3000000 micros counted, 3000000 unsettled, 0 spent"
    ) in told
    ledger.close()


def test_a_total_that_was_changed_by_hand_is_noticed_on_its_account_only(tmp_path: Path) -> None:
    """A total of another account is not compared, and a total without any reservation differs too."""
    ledger = on_two_accounts(kit.prepared_file(tmp_path / "ledger.db"))
    ledger.reserve(booking(3))
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute("UPDATE totals SET counted_micros = 7 WHERE scope = 'campaign'")
        raw.execute("INSERT INTO totals VALUES ('account-day', '', '', 'acme', '', '2020-01-01', 5, 5, 0)")
    raw.close()
    assert [line.split(" is kept")[0] for line in ledger.differing_totals("acme")] == [
        "the total of account acme, campaign run-a/live-test/campaign-00",
        "the total of account acme, day 2020-01-01",
    ]
    assert ledger.differing_totals("zenith") == ()
    ledger.close()


def test_a_run_is_capped_over_all_its_accounts(tmp_path: Path) -> None:
    """What it has reserved on one account leaves less on the other; every other cap is the account's own."""
    ledger = on_two_accounts(kit.prepared_file(tmp_path / "ledger.db"))
    other = booking(45, account="zenith", request_id=REQUESTS["zenith"], key=f"zenith/{booking(45).key}")
    assert ledger.reserve(booking(45), run_cap_micros=90 * UNIT).granted
    refused = ledger.reserve(other, run_cap_micros=89 * UNIT)
    assert (refused.granted, refused.reason.split(",")[0]) == (False, "the run's limit of 89.00 USD leaves 44.00 USD")
    assert ledger.reserve(other, run_cap_micros=90 * UNIT).granted
    ledger.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a ledger may be made."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        with kit.postgresql() as address:
            yield address


def test_two_accounts_at_once_never_pass_the_cap_of_their_run(url: str) -> None:
    """They fill it to the last unit, nobody waits for the other for ever, and every total is a sum."""
    ledger = on_two_accounts(kit.prepared(Ledger.open(url)))
    begin = Barrier(len(ACCOUNTS))

    def fill(account: str) -> int:
        own, granted = Ledger.open(url), 0
        begin.wait(timeout=60)
        for number in range(25):
            key = f"{account}/{number}/{booking(1).key}"
            day = booking(1, account=account, request_id=REQUESTS[account], key=key, campaign=number)
            if own.reserve(day, run_cap_micros=30 * UNIT).granted:
                granted += 1
                own.post(key, UNIT, UNIT, NOW)
        own.close()
        return granted

    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        assert sum(pool.map(fill, ACCOUNTS)) == 30
    assert sum(each.counted_micros for each in ledger.reservations(run="run-a")) == 30 * UNIT
    assert [ledger.differing_totals(account) for account in ACCOUNTS] == [(), ()]
    ledger.close()


def read_by_both_first(monkeypatch: pytest.MonkeyPatch, store: ModuleType, name: str) -> None:
    """Let whoever reads with this function wait until the other has read too, where the other can."""
    meeting, read = Barrier(2), getattr(store, name)

    def slowly(*asked: Any) -> Any:
        answer = read(*asked)
        with contextlib.suppress(BrokenBarrierError):  # the other waits for us, so it cannot come
            meeting.wait(timeout=0.5)
        return answer

    monkeypatch.setattr(store, name, slowly)


def test_two_reports_at_once_are_counted_one_after_the_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would add to the totals what the day was before the other's report, if it did not hold the account's row."""
    ledger = kit.prepared(Ledger.open(url))
    ledger.reserve(booking(9))
    read_by_both_first(monkeypatch, reservation_store, "read")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda units: ledger.post(booking(9).key, units * UNIT, units * UNIT, NOW), (3, 5)))
    assert [each.billed_micros for each in ledger.reservations("acme")] == [5 * UNIT]
    assert (ledger.spent("run-a"), ledger.differing_totals("acme")) == (5 * UNIT, ())
    ledger.close()


def test_the_last_room_of_a_run_is_given_to_one_account_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ask would read the run's total before the other has booked, if it did not hold the run's row."""
    ledger = on_two_accounts(kit.prepared(Ledger.open(url)))
    read_by_both_first(monkeypatch, totals_store, "counted")

    def ask(account: str) -> bool:
        own = Ledger.open(url)
        day = booking(1, account=account, request_id=REQUESTS[account], key=f"{account}/{booking(1).key}")
        granted = own.reserve(day, run_cap_micros=UNIT).granted
        own.close()
        return granted

    with ThreadPoolExecutor(len(ACCOUNTS)) as pool:
        assert sorted(pool.map(ask, ACCOUNTS)) == [False, True]
    ledger.close()


ONE_ROW = ("SCAN journal_counter", "SCAN CONSTANT ROW", "SCAN 6 CONSTANT ROWS")


def test_no_call_of_a_live_tick_reads_a_whole_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every statement of these calls finds its rows by an index, so none grows with the books of other campaigns."""
    texts: dict[str, int] = {}
    arguments = CompiledStatement.arguments

    def noted(statement: CompiledStatement, values: Mapping[str, Any]) -> list[Any]:
        texts[statement.text] = len(statement.bounds)
        return arguments(statement, values)

    ledger = kit.prepared_file(tmp_path / "ledger.db")
    monkeypatch.setattr(CompiledStatement, "arguments", noted)
    day, made = booking(3), kit.claim()
    for worst in (3, 4):
        assert ledger.reserve(booking(worst), 10**12, 10**12, 10**12).granted
    for call in (
        lambda: ledger.claim(made),
        lambda: ledger.resolve(made.key, "done", "", NOW, "7"),
        lambda: ledger.created_campaigns("acme", campaign=day.campaign),
        lambda: ledger.unresolved_claims("acme"),
        lambda: ledger.reservations("acme", "run-a", day.campaign),
        lambda: ledger.post(day.key, 5 * UNIT, 5 * UNIT, NOW),
        lambda: ledger.freeze_expired(DAY, NOW, "acme", day.campaign),
        lambda: ledger.freeze_expired(DAY, NOW),
        lambda: ledger.settle(day.key, 5 * UNIT, NOW),
        lambda: ledger.judge_enabled("acme", [day.campaign]),
        lambda: (ledger.waiting_phases("acme"), ledger.raise_fence("acme", "a stop", "Ada", NOW)),
        lambda: (ledger.open_exposure("acme"), ledger.spent("run-a"), ledger.spent("run-a", "live-test")),
        lambda: (ledger.account("acme"), ledger.request(day.request_id), ledger.run("run-a"), ledger.fence("acme")),
    ):
        call()
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        for text, count in texts.items():
            plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", [None] * count)]
            scans = [step for step in plan if step.startswith("SCAN") and step not in ONE_ROW]
            assert not scans, (text, scans)
    raw.close()
    assert len(texts) > 20
