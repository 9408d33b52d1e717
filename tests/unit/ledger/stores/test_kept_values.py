"""What the stores keep of a change beyond its amounts, and what they leave as it was."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.ad_accounts import DollarRate
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import FoundExposure, Severity, Violation
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.stores.database import BUSY_SECONDS, open_database
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, KEY, NOW, UNIT, booking, claim

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[Ledger]:
    """The account acme with the approver Ada, a run, and an approved request."""
    opened = kit.prepared_file(file)
    yield opened
    opened.close()


def found(worst: int) -> FoundExposure:
    known = booking(0)
    names = ("key", "account", "run", "phase", "campaign", "day", "request_id")
    same = {name: getattr(known, name) for name in names}
    return FoundExposure(**same, worst_case_micros=worst * UNIT, at=LATER)


def count(ledger: Ledger, worst: int) -> Any:
    """Count what was found, and return the day as it stands then."""
    ledger.record_exposure(violation(f"v-{worst}"), (found(worst),))
    return next(iter(ledger.reservations("acme")), None)


def violation(name: str) -> Violation:
    return Violation(
        id=name, account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign=booking(0).campaign, kind="k",
        severity=Severity.HIGH, evidence="e", at=LATER,
    )  # fmt: skip


def test_a_settled_day_that_may_cost_more_is_frozen(ledger: Ledger) -> None:
    """It counts what was found, has no final amount any more, and nobody may enable its campaign by it."""
    ledger.reserve(booking(5))
    ledger.settle(booking(0).key, 2 * UNIT, NOW)
    day = count(ledger, 8)
    assert (day.state, day.worst_case_micros, day.counted_micros, day.final_micros) == (
        "frozen",
        8 * UNIT,
        8 * UNIT,
        None,
    )
    assert day.billed_micros == 2 * UNIT  # what was seen stays


def test_an_open_day_that_may_cost_more_stays_open(ledger: Ledger) -> None:
    """Its campaign goes on to be settled by its own workflow."""
    ledger.reserve(booking(5))
    day = count(ledger, 8)
    assert (day.state, day.counted_micros) == ("open", 8 * UNIT)


@pytest.mark.parametrize("worst", [0, 4, 5])
def test_what_is_counted_already_is_not_counted_down(ledger: Ledger, worst: int) -> None:
    """Less than is counted, just as much, or nothing: the day stays as it is."""
    ledger.reserve(booking(5))
    before = ledger.reservations("acme")
    assert count(ledger, worst) == before[0]


def test_nothing_found_of_a_day_that_is_not_there_books_none(ledger: Ledger) -> None:
    """A row of nothing would be a day that somebody has to settle."""
    assert count(ledger, 0) is None
    day = count(ledger, 1)
    assert (day.state, day.counted_micros, day.billed_micros, day.posted_at) == ("frozen", UNIT, 0, None)


def test_an_account_with_a_dated_rate_is_entered_twice_without_a_change(ledger: Ledger) -> None:
    """The date is compared as it is kept."""
    rate = DollarRate(units_per_dollar=150, day=DAY, source="a bank")
    yen = kit.account(account="yen", currency="JPY", dollar_rate=rate)
    ledger.put_account(yen, at=NOW)
    entries = len(ledger.journal(limit=1000))
    ledger.put_account(yen, by="Bo", at=LATER)
    assert len(ledger.journal(limit=1000)) == entries
    assert ledger.account("yen") == yen


def test_a_pause_is_written_under_the_fence_that_it_was_claimed_under(ledger: Ledger) -> None:
    """It is granted under an older one too, and the row says so."""
    ledger.raise_fence("acme", "drill", "Ada", NOW)
    assert ledger.claim(claim("pause", fence=0)).granted
    assert ledger.claim(claim("pause", key="another")).granted
    rows = [json.loads(each.detail) for each in ledger.journal(limit=1000, kinds=("claim",))]
    assert [row["fence"] for row in rows] == [0, 1]


def test_a_decision_keeps_its_instant_and_its_approver(ledger: Ledger, file: Path) -> None:
    """In the row of the request, where `status` and an audit look."""
    request = kit.request(request_id="run-a/live-test#2", nonce="2")
    ledger.open_request(request, "", NOW)
    signed = signatures.sign(KEY.pem, request, "approve").model_dump()
    assert ledger.decide(request.request_id, "s", signed, LATER).accepted
    with sqlite3.connect(file) as database:
        query = "select state, approver, decided_at from approval_requests where request_id = ?"
        row = database.execute(query, (request.request_id,)).fetchone()
    assert row == ("approved", "Ada", int(LATER.timestamp()) * 1_000_000)


def test_a_new_run_has_spent_nothing(ledger: Ledger) -> None:
    """Also in a phase of it, and on an account where nothing is open."""
    ledger.register_run("run-b", "acme", NOW)
    assert (ledger.spent("run-b"), ledger.spent("run-b", "live-test"), ledger.open_exposure("acme")) == (0, 0, 0)


def test_every_connection_writes_to_the_disk_and_waits_for_others(file: Path) -> None:
    """FULL is 2; a crash of the machine loses no money that was booked, and a short lock ends no transaction."""
    database = open_database(f"sqlite:///{file}")
    with database.reading() as connection:
        cursor = connection._cursor
        settings = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "busy_timeout")]
        mode, keys = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys"))
    database.close()
    assert (settings, mode, keys) == ([2, BUSY_SECONDS * 1000], "wal", 1)


def test_a_snapshot_sees_nothing_that_is_written_meanwhile(file: Path, ledger: Ledger) -> None:
    """What several queries of one reading return belongs together."""
    database = open_database(f"sqlite:///{file}")
    with database.snapshot() as connection:
        cursor = connection._cursor
        query = "select count(*) from journal"
        before = cursor.execute(query).fetchone()
        ledger.raise_fence("acme", "drill", "Ada", NOW)
        assert cursor.execute(query).fetchone() == before
    database.close()


def test_what_is_found_on_another_account_changes_no_day_of_this_one(ledger: Ledger) -> None:
    """A campaign of the same name there does not raise, freeze or settle what was reserved here."""
    ledger.put_account(kit.account(account="other"), at=NOW)
    ledger.reserve(booking(5))
    before = ledger.reservations("acme")
    elsewhere = found(8).model_copy(update={"account": "other"})
    with pytest.raises(LedgerConflict, match="is a day of account acme, not of other"):
        ledger.record_exposure(violation("v").model_copy(update={"account": "other"}), (elsewhere,))
    assert (ledger.reservations(), ledger.violations("run-a"), ledger.fence("other")) == (before, (), 0)
