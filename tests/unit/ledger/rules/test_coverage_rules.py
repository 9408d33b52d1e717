"""When a campaign may be enabled, by what the ledger holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gaelp.ledger.rules.coverage_rules import judge_enabled, judge_no_stop
from gaelp.ledger.stored_records import RegisteredRun
from tests.support.ledgers import DAY, NOW, account, reservation, stored_request

REQUEST = reservation().request_id


@pytest.mark.parametrize("state", ["settled", "frozen"])
def test_a_campaign_without_an_open_day_may_not_be_enabled(state: str) -> None:
    """Settled and frozen days cover nothing, and neither do no days at all."""
    requests = {REQUEST: stored_request("approved")}
    assert not judge_enabled([reservation(state=state)], requests, account()).granted
    assert not judge_enabled([], requests, account()).granted


def test_one_open_approved_day_covers_the_campaign_whatever_its_date() -> None:
    """The other days may be settled, and the open one may be long over."""
    days = [reservation(state="settled"), reservation(day=DAY - timedelta(days=900))]
    assert judge_enabled(days, {REQUEST: stored_request("approved")}, account()).granted


@pytest.mark.parametrize("state", ["open", "rejected", "superseded"])
def test_a_request_that_is_not_approved_covers_nothing(state: str) -> None:
    """An open day under it is no permission, and an unknown request is none either."""
    assert not judge_enabled([reservation()], {REQUEST: stored_request(state)}, account()).granted
    assert not judge_enabled([reservation()], {REQUEST: None}, account()).granted


def test_a_fence_that_rose_since_the_approval_voids_it() -> None:
    """Only an approval under the account's own fence covers."""
    approved = {REQUEST: stored_request("approved", fence=1)}
    assert judge_enabled([reservation()], approved, account(fence=1)).granted
    assert not judge_enabled([reservation()], approved, account(fence=2)).granted


def test_nothing_covers_a_campaign_of_a_stopped_run() -> None:
    """Its days may be open under an approval that stands."""
    approved = {REQUEST: stored_request("approved")}
    going_on = RegisteredRun("run-a", "acme", NOW)
    assert judge_enabled([reservation()], approved, account(), going_on).granted
    assert not judge_enabled([reservation()], approved, account(), replace(going_on, stopped_at=NOW)).granted


def test_a_stop_of_the_run_or_of_the_account_voids_what_was_asked_before_it() -> None:
    """One rule for both, and it says which of the two came."""
    request, going_on = stored_request(fence=1).request, RegisteredRun("run-a", "acme", NOW)
    assert judge_no_stop(request, account(fence=1), going_on).granted
    assert judge_no_stop(request, account(fence=1), None).granted
    of_account = judge_no_stop(request, account(fence=2), going_on)
    assert not of_account.granted and "the fence of account acme is 2" in of_account.reason
    of_run = judge_no_stop(request, account(fence=1), replace(going_on, stopped_at=NOW))
    assert not of_run.granted and "run run-a was stopped" in of_run.reason


def test_what_covers_nothing_says_why() -> None:
    """The reaper pauses by it, and a person reads it."""
    approved = {REQUEST: stored_request("approved", fence=1)}
    stopped = judge_enabled([reservation()], approved, account(fence=2))
    assert stopped.reason == (
        "its days are reserved under an approval that does not stand: a stop came after it, or none was given"
    )
    assert "settled or frozen" in judge_enabled([], approved, account()).reason


def test_a_stopped_run_is_named_also_where_an_approval_stands() -> None:
    """The run is judged before its days: no open day outlives its stop."""
    approved = {REQUEST: stored_request("approved")}
    ended = replace(RegisteredRun("run-a", "acme", NOW), stopped_at=NOW)
    assert "run run-a was stopped" in judge_enabled([reservation()], approved, account(), ended).reason
