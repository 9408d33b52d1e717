"""What campaigns report of themselves, and what a platform reported of their days, is kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import campaign_id, phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import Arm, CampaignResult, DayReached
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownAccount
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW

SCALED = phase_id("run-a", Phase.SCALED)
LIVE_TEST = phase_id("run-a", Phase.LIVE_TEST)
SOONER, LATER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def result(number: int = 0, phase: Phase = Phase.SCALED, run: str = "run-a") -> CampaignResult:
    return CampaignResult(
        campaign=campaign_id(run, phase, number), index=number, product="shoes", arm=Arm.CANDIDATE,
        state=EpisodeState.SETTLED,
    )  # fmt: skip


def days_of(clicks: int) -> tuple[DayReport, ...]:
    return (
        DayReport(
            day=DAY, impressions=100, clicks=clicks, conversions=1, cost_micros=7, served_micros=7,
            revenue_micros=9, final=False, matured=False,
        ),
    )  # fmt: skip


def day_reached(day: int, number: int = 0, phase: Phase = Phase.SCALED) -> DayReached:
    return DayReached(
        campaign=campaign_id("run-a", phase, number), day=day, daily_budget_micros=day * 10, days=days_of(day)
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Two accounts, and nothing that a campaign has reported."""
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for name in ("acme", "other"):
        opened.put_account(kit.account(account=name), at=NOW)
    yield opened
    opened.close()


def test_a_campaign_ends_once(ledger: Ledger) -> None:
    """The same ending again changes nothing; another one is refused, and the first stands."""
    ledger.keep_result(result(), NOW)
    ledger.keep_result(result(), NOW)
    with pytest.raises(LedgerConflict, match="its first result stands"):
        ledger.keep_result(result().model_copy(update={"spend_micros": 1}), NOW)
    assert ledger.campaign_results(SCALED) == (result(),)


def test_the_endings_of_a_phase_are_its_own_by_number(ledger: Ledger) -> None:
    """In the order of the campaigns' numbers, whoever ended first; other phases and runs have their own."""
    for number in (10, 2, 0):
        ledger.keep_result(result(number), NOW)
    ledger.keep_result(result(1, Phase.LIVE_TEST), NOW)
    ledger.keep_result(result(3, run="run-b"), NOW)
    assert ledger.campaign_results(SCALED) == (result(0), result(2), result(10))
    assert ledger.campaign_results(LIVE_TEST) == (result(1, Phase.LIVE_TEST),)
    assert ledger.campaign_results(phase_id("run-b", Phase.LIVE_TEST)) == ()


def test_how_far_a_campaign_is_takes_the_place_of_its_own_report_before(ledger: Ledger) -> None:
    """The last report of each campaign is kept, and none of another phase is given."""
    for each in (day_reached(1), day_reached(1, 1), day_reached(5, phase=Phase.LIVE_TEST), day_reached(2)):
        ledger.keep_reached(each, NOW)
    assert sorted(ledger.days_reached(SCALED), key=lambda each: each.campaign) == [day_reached(2), day_reached(1, 1)]
    assert ledger.days_reached(LIVE_TEST) == (day_reached(5, phase=Phase.LIVE_TEST),)


def test_how_far_a_campaign_was_and_how_it_ended_are_two_facts(ledger: Ledger) -> None:
    """Neither takes the other's place, whichever comes first, and neither is given for the other."""
    ledger.keep_reached(day_reached(1), NOW)
    assert ledger.campaign_results(SCALED) == ()
    ledger.keep_result(result(), NOW)
    ledger.keep_reached(day_reached(2), LATER)
    assert ledger.campaign_results(SCALED) == (result(),)
    assert ledger.days_reached(SCALED) == (day_reached(2),)


def test_the_days_that_a_gate_judges_are_those_of_the_newest_report(ledger: Ledger) -> None:
    """An older report changes nothing; one of the same instant or later takes the place of what was kept."""
    name = result().campaign
    for clicks, at, kept in ((3, NOW, 3), (2, SOONER, 3), (4, NOW, 4), (5, LATER, 5), (6, NOW, 5)):
        ledger.keep_days("acme", name, days_of(clicks), at)
        assert ledger.reported_days("run-a") == {name: days_of(kept)}


def test_the_days_of_a_campaign_are_kept_under_its_name_and_run(ledger: Ledger) -> None:
    """A campaign's report changes no other campaign's, and a run is given those of its own campaigns."""
    mine, sibling, theirs = (each.campaign for each in (result(), result(1), result(run="run-b")))
    for clicks, name in enumerate((mine, sibling, theirs), start=1):
        ledger.keep_days("acme", name, days_of(clicks), NOW)
    ledger.keep_days("acme", sibling, days_of(9), LATER)
    assert ledger.reported_days("run-a") == {mine: days_of(1), sibling: days_of(9)}
    assert ledger.reported_days("run-b") == {theirs: days_of(3)}
    assert ledger.reported_days("run-c") == {}


def test_days_are_kept_on_an_account_that_is_known(ledger: Ledger) -> None:
    """A report for another account is refused, and nothing of it is kept."""
    with pytest.raises(UnknownAccount):
        ledger.keep_days("nobody", result().campaign, days_of(1), NOW)
    assert ledger.reported_days("run-a") == {}


def test_days_of_a_campaign_of_that_name_on_another_account_are_none_of_the_run(ledger: Ledger) -> None:
    """Whoever makes one there and has it reported does not write the days that the run's gate judges."""
    ledger.register_run("run-a", "acme", NOW)
    name = result().campaign
    ledger.keep_days("other", name, days_of(9), LATER)
    assert ledger.reported_days("run-a") == {}
    ledger.keep_days("acme", name, days_of(1), NOW)
    ledger.keep_days("other", name, days_of(9), LATER)
    assert ledger.reported_days("run-a") == {name: days_of(1)}
