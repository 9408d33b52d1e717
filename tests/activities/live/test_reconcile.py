"""The verb `reconcile` on the real emulator: the books beside what the platform shows, without moving its clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.campaign_fixture import CampaignFixture
from tests.support.local_runs import LocalRuns

Reconcile = Callable[[], tuple[int, Any]]


@pytest.fixture
def reconcile(verb: Callable[..., tuple[int, Any]]) -> Reconcile:
    """Run the verb on the fixture's account; its exit code and its JSON."""
    return partial(verb, "reconcile")


def states(fixture: CampaignFixture) -> list[str]:
    return [each.state for each in fixture.ledger.reservations(fixture.account)]


def test_a_day_that_is_over_is_frozen_and_then_settled_at_what_was_billed(
    fixture: CampaignFixture, reconcile: Reconcile, local_runs: LocalRuns
) -> None:
    """Nobody watched: the day's cost is posted, it counts in full until the platform is final, then it is settled."""
    fixture.running()
    code, document = reconcile()
    assert (code, document["trouble"], states(fixture)) == (0, [], ["open"])
    (state,) = fixture.platform.real.campaigns(fixture.account)
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(24.5))
    code, document = reconcile()
    (booked,) = fixture.ledger.reservations(fixture.account)
    assert (code, booked.state) == (0, "frozen")
    assert booked.served_micros == document["days"][0]["served_micros"] > 0
    fixture.platform.real.report(fixture.account, state.platform_id, fixture.at(24 * 30))
    code, document = reconcile()
    (booked,) = fixture.ledger.reservations(fixture.account)
    assert (code, booked.state) == (0, "settled")
    assert booked.final_micros == document["days"][0]["billed_micros"] > 0


def test_no_clock_is_moved(fixture: CampaignFixture, reconcile: Reconcile, local_runs: LocalRuns) -> None:
    """The campaign spends nothing because somebody compared."""
    fixture.running()
    before = [each for each in local_runs.control("GET", "/campaigns") if each["state"]["account"] == fixture.account]
    reconcile()
    after = [each for each in local_runs.control("GET", "/campaigns") if each["state"]["account"] == fixture.account]
    assert after == before


def test_a_difference_that_stays_is_exit_code_1(fixture: CampaignFixture, reconcile: Reconcile) -> None:
    """The books hold more than the platform shows: nothing is lowered, and a person is told."""
    fixture.running()
    (booked,) = fixture.ledger.reservations(fixture.account)
    fixture.ledger.post(booked.key, 3_000_000, 3_000_000, fixture.at())
    code, document = reconcile()
    assert code == 1 and "the books stay" in document["days"][0]["done"]
    assert fixture.ledger.reservations(fixture.account)[0].billed_micros == 3_000_000


def test_a_campaign_is_found_by_its_id_and_by_its_name_second(
    fixture: CampaignFixture, reconcile: Reconcile, local_runs: LocalRuns
) -> None:
    """A platform that does not know the id any more may still have a campaign of that name; then that one is read."""
    state = fixture.running()
    reading = {"verb": "read", "kind": "missing", "calls": 1, "account": fixture.account}
    local_runs.control("POST", "/faults", json=reading)
    code, document = reconcile()
    assert (code, document["trouble"], len(document["days"])) == (0, [], 1)
    path = f"/accounts/{fixture.account}/campaigns/{state.platform_id}/name"
    local_runs.control("PUT", path, json={"name": "spring sale"})
    code, document = reconcile()
    assert (code, document["trouble"], len(document["days"])) == (0, [], 1)
    local_runs.control("POST", "/faults", json=reading)
    code, document = reconcile()
    assert code == 1 and "neither by its id nor by its name" in document["trouble"][0]


def test_a_running_total_that_is_not_the_sum_of_its_days_is_exit_code_1(
    fixture: CampaignFixture, reconcile: Reconcile, tmp_path: Path
) -> None:
    """A total of the account that was changed by hand is named, with what is kept and what is true."""
    fixture.running()
    (file,) = tmp_path.glob("ledger-*.db")
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE totals SET counted_micros = 0 WHERE scope = 'account'")
    raw.close()
    code, document = reconcile()
    (sentence,) = document["trouble"]
    assert code == 1 and sentence.startswith(f"the total of account {fixture.account} is kept as 0 micros counted")
