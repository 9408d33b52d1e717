"""The reaper on the real emulator: what nothing covers is paused, and everything else is left alone."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.live.reaping import Reaping
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.messages.reaper import Reap, Reaped
from gaelp.platforms.protocol import OutcomeUnknown
from tests.support.campaign_fixture import RUN, UNIT, CampaignFixture, another_campaign
from tests.support.local_runs import LocalRuns

LOOK = datetime(2026, 11, 26, tzinfo=UTC)


def reap(fixture: CampaignFixture, at: datetime = LOOK) -> Reaped:
    """One look of the reaper."""
    activity = Reaping(fixture.ledger, lambda _: fixture.platform)
    return ActivityEnvironment().run(activity.reap, Reap(at=at))


def enabled(fixture: CampaignFixture) -> bool:
    """Whether the campaign is enabled on the platform."""
    found = fixture.found()
    assert found is not None
    return found.enabled


def test_an_enable_that_comes_after_the_stop_is_paused(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """`enable` is answered with 500 and carried out after a stop has read everything back: the next look pauses it."""
    assert fixture.launch().launched
    fault = {"verb": "enable", "kind": "error-late", "account": fixture.account, "seconds": 14}
    local_runs.control("POST", "/faults", json=fault)
    with pytest.raises(OutcomeUnknown):
        fixture.apply()
    clock = WallClock(lambda: datetime.now(UTC), time.sleep)
    report = stop_account(fixture.ledger, fixture.platform, StopOrder(fixture.account, "drill", "Ada"), clock)
    assert report.stopped, report.reason
    deadline = time.monotonic() + 20
    while not enabled(fixture) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert enabled(fixture), "the late call has not come"
    reached = _reached(local_runs, fixture)
    assert reap(fixture).paused == (fixture.campaign.name,)
    assert not enabled(fixture)
    assert _reached(local_runs, fixture) == reached, "the reaper moved the emulator's clock"
    violation = fixture.ledger.violations(RUN)[-1]
    assert (violation.kind, violation.severity) == ("enabled-without-reservation", "critical")


def test_an_orphan_is_paused_and_recorded_once(fixture: CampaignFixture) -> None:
    """A campaign whose reservations are settled is paused; a retry of the same look records nothing more."""
    fixture.running()
    for reservation in fixture.ledger.reservations(fixture.account):
        fixture.ledger.settle(reservation.key, 0, fixture.at(1))
    found = reap(fixture)
    assert (found.paused, found.still_enabled, found.trouble) == ((fixture.campaign.name,), (), ())
    assert not enabled(fixture)
    again = fixture.found()
    assert again is not None
    fixture.platform.real.enable(fixture.account, again.platform_id, fixture.at(1))
    reap(fixture)
    assert not enabled(fixture)
    assert len(fixture.ledger.violations(RUN)) == 1


def test_what_an_ended_campaign_is_billed_counts(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """Its days are settled, somebody enables it with a later end, and a day passes before the look: it is posted."""
    state = fixture.running()
    fixture.settle(24)
    assert fixture.settle(24 + 240, final=True).final
    spent = fixture.ledger.spent(RUN)
    fixture.platform.real.set_end(fixture.account, state.platform_id, fixture.at(24 * 13), fixture.at(24 * 11))
    fixture.platform.real.enable(fixture.account, state.platform_id, fixture.at(24 * 11))
    report = fixture.platform.real.report(fixture.account, state.platform_id, fixture.at(24 * 12))
    assert reap(fixture).paused == (fixture.campaign.name,)
    billed = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    assert fixture.ledger.spent(RUN) == billed > spent
    kinds = {violation.kind for violation in fixture.ledger.violations(RUN)}
    assert kinds == {"enabled-without-reservation", "unreserved-spend"} and fixture.ledger.fence(fixture.account) > 0


def test_a_campaign_whose_creation_was_recorded_as_failed_is_ours(fixture: CampaignFixture, tmp_path: Path) -> None:
    """The platform's answer was wrong: the campaign is there, by its name it is ours, and nothing covers it."""
    found = fixture.running()
    for reservation in fixture.ledger.reservations(fixture.account):
        fixture.ledger.settle(reservation.key, 0, fixture.at(1))
    number = fixture.account.removeprefix("account-")
    with sqlite3.connect(tmp_path / f"ledger-{number}.db") as books:
        books.execute("UPDATE claims SET state = 'failed', platform_id = '' WHERE intent = 'create'")
    assert reap(fixture).paused == (found.external_name,)


def test_a_campaign_with_an_open_approved_reservation_is_left_alone(fixture: CampaignFixture) -> None:
    """Nothing is paused, written or recorded, however old its days are."""
    fixture.running()
    assert reap(fixture) == Reaped()
    assert enabled(fixture) and fixture.platform.calls == []
    assert fixture.ledger.violations(RUN) == ()


def test_a_campaign_whose_approval_a_stop_made_void_is_paused(fixture: CampaignFixture) -> None:
    """Its reservation is open, and the fence has risen since: the stop's own pauses may have failed."""
    fixture.running()
    fixture.stop()
    assert reap(fixture).paused == (fixture.campaign.name,)


def test_a_campaign_of_somebody_else_is_never_touched(fixture: CampaignFixture) -> None:
    """Neither its id nor its name is in our claims, so it is none of our business."""
    fixture.running()
    other = another_campaign(fixture, "somebody-elses")
    fixture.platform.real.enable(fixture.account, other.platform_id, fixture.at())
    fixture.stop()
    reap(fixture)
    states = {state.external_name: state.enabled for state in fixture.platform.real.campaigns(fixture.account)}
    assert states == {"somebody-elses": True, fixture.campaign.name: False}


def test_a_renamed_campaign_and_one_that_has_its_name_are_both_paused(
    fixture: CampaignFixture, local_runs: LocalRuns
) -> None:
    """The first is ours by its id and the second by its name: neither hides the other."""
    ours = fixture.running()
    name = f"/accounts/{fixture.account}/campaigns/{ours.platform_id}/name"
    local_runs.control("PUT", name, json={"name": "spring sale"})
    second = another_campaign(fixture, fixture.campaign.name)
    fixture.platform.real.enable(fixture.account, second.platform_id, fixture.at())
    fixture.stop()
    found = reap(fixture)
    assert (found.paused, found.still_enabled) == ((fixture.campaign.name,), ())
    assert not any(state.enabled for state in fixture.platform.real.campaigns(fixture.account))


def test_what_covers_a_campaign_covers_no_other_of_its_name(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """A create that was carried out twice, and somebody enables the second: the reservation is that of the first."""
    ours = fixture.running()
    name = f"/accounts/{fixture.account}/campaigns/{ours.platform_id}/name"
    local_runs.control("PUT", name, json={"name": "spring sale"})
    second = another_campaign(fixture, fixture.campaign.name)
    fixture.platform.real.enable(fixture.account, second.platform_id, fixture.at())
    found = reap(fixture)
    assert (found.paused, found.still_enabled) == ((fixture.campaign.name,), ())
    states = {state.platform_id: state.enabled for state in fixture.platform.real.campaigns(fixture.account)}
    assert states == {ours.platform_id: True, second.platform_id: False}


def test_what_another_campaign_of_our_name_is_billed_counts(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """It is paused when the reaper looks and has delivered before: its spend counts beside ours, and is posted once."""
    ours = fixture.running()
    name = f"/accounts/{fixture.account}/campaigns/{ours.platform_id}/name"
    local_runs.control("PUT", name, json={"name": "spring sale"})
    second = another_campaign(fixture, fixture.campaign.name)
    fixture.platform.real.set_delivery(
        fixture.account, second.platform_id, ours.bid_micros, ours.creative_prob, fixture.at()
    )
    fixture.platform.real.enable(fixture.account, second.platform_id, fixture.at())
    report = fixture.platform.real.report(fixture.account, second.platform_id, fixture.at(20))
    billed = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    fixture.platform.real.pause(fixture.account, second.platform_id, fixture.at(20))
    before = fixture.ledger.open_exposure(fixture.account)
    for _ in range(2):
        reap(fixture)
        assert fixture.ledger.open_exposure(fixture.account) - before == billed > 0
    kinds = {violation.kind for violation in fixture.ledger.violations(RUN)}
    assert "unreserved-spend" in kinds and fixture.ledger.fence(fixture.account) > 0


def test_an_account_that_cannot_be_read_is_named(fixture: CampaignFixture, local_runs: LocalRuns) -> None:
    """The look goes on and says which account it could not look at."""
    fixture.running()
    fault = {"verb": "list", "kind": "error-before", "account": fixture.account}
    local_runs.control("POST", "/faults", json=fault)
    (trouble,) = reap(fixture).trouble
    assert fixture.account in trouble


def _reached(local_runs: LocalRuns, fixture: CampaignFixture) -> list[str]:
    campaigns = local_runs.control("GET", "/campaigns")
    return [each["reached"] for each in campaigns if each["state"]["account"] == fixture.account]


@pytest.mark.parametrize(
    ("verb", "hours", "words"),
    [
        ("set_budget", None, "daily budget: we wrote 25.00 USD, and the platform reads 250.00 USD"),
        ("set_end", 72, "end: we wrote 2026-01-06T00:00:00+00:00, and the platform reads 2026-01-08T00:00:00+00:00"),
    ],
)
def test_what_somebody_raises_while_no_workflow_looks_is_counted_and_paused(
    fixture: CampaignFixture, verb: str, hours: int | None, words: str
) -> None:
    """Its reservation is open and its workflow terminated: the look compares it with what we wrote, once."""
    state = fixture.running()
    value = 250 * UNIT if hours is None else fixture.at(hours)
    getattr(fixture.platform.real, verb)(fixture.account, state.platform_id, value, fixture.at(12))
    reached = fixture.platform.real.report(fixture.account, state.platform_id, None).at
    found = reap(fixture)
    assert (found.paused, found.still_enabled, found.trouble) == ((fixture.campaign.name,), (), ())
    assert not enabled(fixture)
    (violation,) = fixture.ledger.violations(RUN)
    assert (violation.kind, violation.severity) == ("changed-outside", "high") and words in violation.evidence
    assert fixture.ledger.fence(fixture.account) == 1
    (day,) = fixture.ledger.reservations(fixture.account)
    assert day.counted_micros == (500 if hours is None else 50) * UNIT
    assert day.served_micros > 0, "what it has served is posted"
    assert fixture.platform.real.report(fixture.account, state.platform_id, None).at == reached
    reap(fixture, LOOK + timedelta(seconds=30))
    assert len(fixture.ledger.violations(RUN)) == 1 and fixture.ledger.fence(fixture.account) == 1


def test_what_somebody_raised_counts_where_the_platform_reports_nothing(
    fixture: CampaignFixture, local_runs: LocalRuns
) -> None:
    """Raised and paused again by the same hand before the look, and the report fails: the day counts in full."""
    state = fixture.running()
    fixture.platform.real.set_budget(fixture.account, state.platform_id, 250 * UNIT, fixture.at(12))
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(12.1))
    local_runs.control("POST", "/faults", json={"verb": "report", "kind": "error-before", "account": fixture.account})
    reap(fixture)
    first = fixture.ledger.reservations(fixture.account)[0]
    assert (first.day, first.counted_micros) == (fixture.at().date(), 500 * UNIT)
    assert fixture.ledger.fence(fixture.account) == 1


def test_a_write_of_ours_that_falls_into_a_look_is_nobody_elses(fixture: CampaignFixture) -> None:
    """The campaign's own workflow enables it, and extends its lease, between two readings of the ledger."""
    fixture.running()
    fixture.settle(24)
    fixture.platform.before["campaigns"] = lambda: fixture.apply(1)
    assert reap(fixture) == Reaped()
    assert enabled(fixture) and fixture.ledger.violations(RUN) == ()
