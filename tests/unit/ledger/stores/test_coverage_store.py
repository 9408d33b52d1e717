"""Which campaigns the ledger covers, by the requests, runs and days that it reads itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import UnknownRequest
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, booking

FIRST, SECOND = (f"run-a/live-test/campaign-{number:02d}" for number in range(2))
REQUEST = "run-a/live-test#1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A run with an approval, of which one campaign has an open day."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    assert opened.reserve(booking(5)).granted
    yield opened
    opened.close()


def covered(ledger: Ledger) -> list[bool]:
    rulings = ledger.judge_enabled("acme", [FIRST, SECOND])
    assert set(rulings) == {FIRST, SECOND}
    return [rulings[FIRST].granted, rulings[SECOND].granted]


def test_an_open_day_covers_its_own_campaign_and_no_other(ledger: Ledger) -> None:
    """A sibling under the same approval has to reserve for itself."""
    assert covered(ledger) == [True, False]
    assert "no day of it is reserved" in ledger.judge_enabled("acme", [SECOND])[SECOND].reason


def test_an_open_day_of_another_campaign_that_is_asked_for_covers_nothing(ledger: Ledger) -> None:
    """Each is judged by its own days, also where one is settled and the other open."""
    assert ledger.reserve(booking(5, campaign=1)).granted
    ledger.settle(booking(0).key, 0, NOW)
    assert covered(ledger) == [False, True]


def test_a_stop_of_the_account_uncovers_what_was_approved_before_it(ledger: Ledger) -> None:
    """The day is still open; its approval does not stand."""
    ledger.raise_fence("acme", "drill", "Ada", NOW)
    assert covered(ledger) == [False, False]
    reason = ledger.judge_enabled("acme", [FIRST])[FIRST].reason
    assert (
        reason == "its days are reserved under an approval that does not stand: a stop came after it, or none was given"
    )


def test_a_stop_of_the_run_uncovers_its_campaigns(ledger: Ledger) -> None:
    """It is the run of the campaign's name that is asked for."""
    ledger.stop_run("run-a", "drill", "Ada", NOW)
    assert "run run-a was stopped" in ledger.judge_enabled("acme", [FIRST])[FIRST].reason


def test_a_frozen_day_covers_nothing(ledger: Ledger) -> None:
    """It is over, and somebody has to reconcile it."""
    ledger.freeze_expired(DAY + timedelta(days=1), NOW)
    assert covered(ledger) == [False, False]


def test_a_request_stands_until_a_stop_of_its_account_or_run(ledger: Ledger) -> None:
    """One reading says which of the two came; a request that nobody opened is an error."""
    assert ledger.judge_no_stop(REQUEST).granted
    ledger.stop_run("run-a", "drill", "Ada", NOW)
    assert "run run-a was stopped" in ledger.judge_no_stop(REQUEST).reason
    with pytest.raises(UnknownRequest, match="run-z"):
        ledger.judge_no_stop("run-z/live-test#1")


def test_a_request_under_an_older_fence_says_so(ledger: Ledger) -> None:
    """The account's fence of now is read, and not the request's."""
    ledger.raise_fence("acme", "drill", "Ada", NOW)
    assert "the fence of account acme is 1" in ledger.judge_no_stop(REQUEST).reason
