"""Who else edits is noticed: what reads otherwise than we wrote it is recorded with both values, paused or running."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from activities.live.watching import Watched, Watching
from gaelp.messages.live_campaign import PAUSED_OUTSIDE
from gaelp.platforms.protocol import OutcomeUnknown
from tests.support import ledgers as kit
from tests.support.campaign_fixture import REQUEST, RUN, UNIT, CampaignFixture, Crash, approved, crash
from tests.support.local_runs import LocalRuns


def _found(fixture: CampaignFixture) -> list[tuple[str, str]]:
    return [(v.kind, v.severity) for v in fixture.ledger.violations(RUN)]


def _edit(fixture: CampaignFixture, verb: str, *values: Any, hours: float = 12) -> None:
    """What a person does in the platform's own pages."""
    state = fixture.found()
    assert state is not None
    getattr(fixture.platform.real, verb)(fixture.account, state.platform_id, *values, fixture.at(hours))


def test_an_undisturbed_campaign_has_no_differences(fixture: CampaignFixture) -> None:
    """Launch, apply, pause and apply again: everything reads as we wrote it."""
    fixture.running()
    assert not fixture.observe(12, enabled=True).halt
    fixture.settle(24)
    assert not fixture.observe(24).halt
    assert fixture.apply(1).applied
    assert not fixture.observe(30, enabled=True).halt
    assert _found(fixture) == []


def test_a_budget_that_somebody_raises_stops_the_account_and_counts(fixture: CampaignFixture) -> None:
    """Ten times the budget: the day counts what the platform may now bill, above every cap, and the campaign halts."""
    fixture.running()
    _edit(fixture, "set_budget", 250 * UNIT)
    observed = fixture.observe(13, enabled=True)
    assert observed.stop_account
    assert "daily budget: we wrote 25.00 USD, and the platform reads 250.00 USD" in observed.halt
    assert [r.counted_micros for r in fixture.ledger.reservations(fixture.account)] == [500 * UNIT]
    assert _found(fixture) == [("changed-outside", "high")] and fixture.ledger.fence(fixture.account) == 1
    fixture.observe(13, enabled=True)
    assert len(_found(fixture)) == 1 and fixture.ledger.fence(fixture.account) == 1  # once


def test_a_budget_that_somebody_raises_after_the_observation_is_not_written_over(fixture: CampaignFixture) -> None:
    """What an apply reads before it writes is compared too: it writes nothing, and the account stops."""
    fixture.running()
    assert not fixture.observe(24, enabled=True).halt
    _edit(fixture, "set_budget", 250 * UNIT, hours=24)
    applied = fixture.apply(1, enabled=True, applied_day=0)
    assert not applied.applied and applied.stop_account
    assert "daily budget: we wrote 25.00 USD, and the platform reads 250.00 USD" in applied.halt
    assert len(fixture.ledger.decisions(f"{RUN}/live-test")) == 1  # nothing was judged
    assert fixture.platform.calls == [] and fixture.ledger.fence(fixture.account) == 1


@pytest.mark.parametrize("believed", [{"enabled": True}, {"enabled": True, "uncertain": True}, {"enabled": False}])
def test_a_pause_by_somebody_else_stays_whatever_the_caller_believes(
    fixture: CampaignFixture, believed: dict[str, bool]
) -> None:
    """An apply that is started by hand does not enable it, nor one after a pause of ours; a person's word does."""
    state = fixture.running()
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(24))
    applied = fixture.apply(1, applied_day=0, **believed)
    assert not applied.applied and applied.halt == PAUSED_OUTSIDE and not applied.stop_account
    fixture.settle(25)
    assert fixture.apply(1, applied_day=0, enabled=False).halt == PAUSED_OUTSIDE
    assert fixture.platform.calls == []
    (violation,) = fixture.ledger.violations(RUN)
    assert (violation.kind, violation.severity) == ("paused-outside", "medium")
    claim = kit.claim("enable", account=fixture.account, campaign=fixture.campaign.name, key="by-hand", at=fixture.at())
    assert "stays paused until a person clears" in fixture.ledger.claim(claim).reason
    fixture.ledger.resolve_alert(RUN, violation.id, "Ada", "it may go on", fixture.at(26))
    assert fixture.apply(1, applied_day=0).applied
    found = fixture.found()
    assert found is not None and found.enabled


@pytest.mark.parametrize("first", ["settle", "apply"])
def test_a_pause_by_somebody_else_is_not_washed_by_a_pause_of_ours(fixture: CampaignFixture, first: str) -> None:
    """Whoever asks for a pause first, to have the ledger take it for ours, gets no enabling either."""
    state = fixture.running()
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(24))
    if first == "settle":
        fixture.settle(24)
    assert fixture.apply(1, enabled=False).halt == PAUSED_OUTSIDE and fixture.platform.calls == []


def test_a_pause_by_somebody_else_is_not_washed_under_the_name_of_another_approval(fixture: CampaignFixture) -> None:
    """A pause that is asked for under the approval of a stopped run is judged by the campaign's own approval."""
    state = fixture.running()
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(24))
    fixture.ledger.register_run("run-b", fixture.account, fixture.at())
    own = fixture.ledger.request(REQUEST).request
    of_another = {"request_id": "run-b/live-test#1", "run": "run-b", "nonce": "another"}
    fixture.ledger.open_request(own.model_copy(update=of_another), "the table", fixture.at())
    fixture.ledger.stop_run("run-b", "the test says so", "Ada", fixture.at())
    campaign, order = fixture.campaign, fixture.campaign.order
    forged = order.model_copy(update={"request_id": "run-b/live-test#1"})
    fixture.campaign = campaign.model_copy(update={"order": forged})
    fixture.settle(24)
    fixture.campaign = campaign
    assert fixture.apply(1, enabled=False).halt == PAUSED_OUTSIDE and fixture.platform.calls == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pause_of_ours_that_died_is_ours(fixture: CampaignFixture, when: str) -> None:
    """Dead right before or right after the platform's call: the campaign can be resumed all the same."""
    fixture.running()
    getattr(fixture.platform, when)["pause"] = crash
    with pytest.raises(Crash):
        fixture.settle(24)
    fixture.settle(24)
    assert fixture.apply(1, enabled=False).applied
    assert _found(fixture) == []


def test_a_paused_campaign_that_somebody_enables_is_noticed_and_counts(fixture: CampaignFixture) -> None:
    """Paused over a day that was never reserved, then enabled by hand with a higher budget: it counts at once."""
    fixture.running()
    fixture.settle(24)
    _edit(fixture, "set_budget", 250 * UNIT, hours=25)
    _edit(fixture, "set_end", fixture.at(72), hours=25)
    _edit(fixture, "enable", hours=25)
    observed = fixture.observe(25)
    assert observed.stop_account and "enabled: we wrote paused, and the platform reads enabled" in observed.halt
    first, second = fixture.ledger.reservations(fixture.account)
    assert (second.day - first.day, second.state, second.counted_micros) == (timedelta(days=1), "frozen", 500 * UNIT)
    assert fixture.ledger.fence(fixture.account) >= 1


def test_spend_of_a_day_that_nobody_reserved_counts_and_stops_the_account(fixture: CampaignFixture) -> None:
    """Enabled by hand and looked at two days later: both days are in the books at what was billed or may be."""
    fixture.running()
    fixture.settle(24)
    _edit(fixture, "set_end", fixture.at(72), hours=25)
    _edit(fixture, "enable", hours=25)
    assert fixture.observe(49).stop_account
    kinds = {kind for kind, _ in _found(fixture)}
    assert kinds == {"changed-outside", "unreserved-spend"}
    found = fixture.found()
    assert found is not None
    report = fixture.platform.real.report(fixture.account, found.platform_id, fixture.at(49))
    spent = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    assert fixture.ledger.spent(RUN) == spent > 0


def test_spend_that_was_not_reserved_counts_whatever_start_a_message_names(fixture: CampaignFixture) -> None:
    """By an invented start the day would have the key of one that is reserved, which counts as much already."""
    fixture.running()
    _edit(fixture, "set_end", fixture.at(72))
    found = fixture.found()
    assert found is not None
    report = fixture.platform.real.report(fixture.account, found.platform_id, fixture.at(49))
    account = fixture.ledger.account(fixture.account)
    tomorrow = Watched(fixture.campaign.name, fixture.account, REQUEST, fixture.at(24).date())
    Watching(fixture.ledger).post_days(tomorrow, report, account)
    spent = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    assert len(report.days) > 1 and fixture.ledger.spent(RUN) == spent


@pytest.mark.parametrize(
    ("verb", "values", "words"),
    [
        ("set_budget", (5 * UNIT,), "daily budget: we wrote 25.00 USD, and the platform reads 5.00 USD"),
        ("set_end", None, "end: we wrote 2026-01-06T00:00:00+00:00, and the platform reads 2026-01-05T20:00:00+00:00"),
        ("set_delivery", None, "bids: we wrote (5000000, 5000000"),
    ],
)
def test_an_edit_that_raises_nothing_is_recorded_and_halts_nothing(
    fixture: CampaignFixture, verb: str, values: Any, words: str
) -> None:
    """Both values are kept; the next decision writes its own again."""
    state = fixture.running()
    others = {"set_end": (fixture.at(20),), "set_delivery": ((UNIT,) * len(state.bid_micros), state.creative_prob)}
    _edit(fixture, verb, *(values or others[verb]))
    assert not fixture.observe(13, enabled=True).halt
    (violation,) = fixture.ledger.violations(RUN)
    assert (violation.kind, violation.severity) == ("changed-outside", "high") and words in violation.evidence
    assert fixture.ledger.fence(fixture.account) == 0


def test_a_renamed_campaign_is_found_by_its_id_and_its_name_is_recorded(
    fixture: CampaignFixture, local_runs: LocalRuns
) -> None:
    """A person's rename hides nothing: it runs on, and it is settled at what it cost."""
    state, settings = fixture.running(), local_runs.settings
    httpx.put(
        f"{settings.emulator_url}/control/accounts/{fixture.account}/campaigns/{state.platform_id}/name",
        headers={"Authorization": f"Bearer {settings.emulator_token}"}, json={"name": "spring sale"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    assert fixture.found() is None
    observed = fixture.observe(13, enabled=True)
    assert observed.enabled and not observed.halt
    (violation,) = fixture.ledger.violations(RUN)
    assert "name: we wrote run-a/live-test/campaign-00, and the platform reads spring sale" in violation.evidence
    assert fixture.apply(1).applied
    paused = fixture.settle(24 + 240, final=True)
    assert paused.final and paused.spend_micros > 0


def test_a_pause_by_somebody_else_is_recorded_without_blame(fixture: CampaignFixture) -> None:
    """It can only reduce spend, so it fails no criterion; a pause by a stop of ours is not recorded at all."""
    state = fixture.running()
    fixture.platform.real.pause(fixture.account, state.platform_id, fixture.at(12))
    assert not fixture.observe(13).halt
    assert _found(fixture) == [("paused-outside", "medium")]
    fixture.stop()
    fixture.observe(14, enabled=True)
    assert len(_found(fixture)) == 1


@pytest.mark.parametrize("verb", ["set_delivery", "set_end", "enable"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_our_own_write_that_was_broken_off_is_nobody_elses(fixture: CampaignFixture, verb: str, when: str) -> None:
    """Dead in the middle of an apply: some settings are the old ones and some the new, and both are ours."""
    fixture.running()
    fixture.settle(24)
    getattr(fixture.platform, when)[verb] = crash
    with pytest.raises(Crash):
        fixture.apply(1, fixture.decide(bid=4 * UNIT))
    assert not fixture.observe(25).halt and _found(fixture) == []
    fixture.settle(26)
    assert not fixture.observe(27).halt and _found(fixture) == []


def test_a_late_enable_of_our_own_after_a_pause_is_paused_again(fixture: CampaignFixture) -> None:
    """Answered with an error and carried out after the pause: it reads enabled where we wrote paused."""
    assert fixture.launch().launched

    def unknown() -> None:
        raise OutcomeUnknown("500")

    fixture.platform.before["enable"] = unknown
    with pytest.raises(OutcomeUnknown):
        fixture.apply()
    fixture.settle(1)
    _edit(fixture, "enable", hours=2)
    assert fixture.observe(3).stop_account
    fixture.settle(3)
    state = fixture.found()
    assert state is not None and not state.enabled


def test_another_campaign_of_our_name_is_not_taken_for_ours(fixture: CampaignFixture) -> None:
    """Ours is not returned by its id any more, and another one has its name: ours may go on, so the account stops."""
    state = fixture.running()
    other = state.model_copy(update={"platform_id": "999999"})
    fixture.platform.changed["read"] = lambda _: None
    fixture.platform.changed["find"] = lambda _: other
    fixture.platform.real = _Answering(fixture.platform.real, state.platform_id)  # type: ignore[assignment]
    observed = fixture.observe(12, enabled=True)
    assert observed.stop_account and "platform id: we wrote" in observed.halt


class _Answering:
    """The emulator's client, which answers for one campaign whatever id it is asked for."""

    def __init__(self, real: Any, platform_id: str) -> None:
        self._real, self._id = real, platform_id

    def report(self, account: str, platform_id: str, at: Any) -> Any:
        return self._real.report(account, self._id, at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_change_that_was_cleared_stops_the_account_again_under_a_new_approval(
    fixture: CampaignFixture, local_runs: LocalRuns
) -> None:
    """The same budget by the same hand is another breach once a person has cleared the first and signed again."""
    found = fixture.running()
    fixture.platform.real.set_budget(fixture.account, found.platform_id, 100 * UNIT, fixture.at(1))
    assert fixture.observe(2, enabled=True).halt
    (first,) = fixture.ledger.violations(RUN)
    fixture.ledger.resolve_alert(RUN, first.id, "Ada", "put back", fixture.at(3))
    fixture.platform.real.set_budget(fixture.account, found.platform_id, 25 * UNIT, fixture.at(3))
    candidates, again = fixture.inputs.market(fixture.campaign.context.market_digest).ctr.shape[1], f"{RUN}/live-test#2"
    approved(fixture.ledger, local_runs.key, fixture.campaign, candidates, request_id=again, fence=1)
    order = fixture.campaign.order.model_copy(update={"request_id": again})
    fixture.campaign = fixture.campaign.model_copy(update={"order": order})
    assert fixture.apply(1, enabled=True).applied and fixture.ledger.fence(fixture.account) == 1
    fixture.platform.real.set_budget(fixture.account, found.platform_id, 100 * UNIT, fixture.at(25))
    assert fixture.observe(26, enabled=True).halt
    assert fixture.ledger.fence(fixture.account) == 2
    assert [v.resolved_by for v in fixture.ledger.violations(RUN)].count(None) == 1


@pytest.mark.parametrize("hours", [14, 24.5])
def test_a_budget_that_was_raised_before_somebody_paused_counts_in_full(fixture: CampaignFixture, hours: float) -> None:
    """Raised at noon and paused an hour later: the platform may bill the day by it long after, also past midnight."""
    fixture.running()
    _edit(fixture, "set_budget", 250 * UNIT)
    _edit(fixture, "pause", hours=13)
    observed = fixture.observe(hours, enabled=True)
    assert observed.stop_account and not observed.enabled
    first, *later = fixture.ledger.reservations(fixture.account)
    assert first.counted_micros == 500 * UNIT
    assert [day.counted_micros for day in later] == ([500 * UNIT] if hours > 24 else [])


def test_a_day_has_one_row_whatever_start_is_given(fixture: CampaignFixture) -> None:
    """What is reported for a day is posted to its own row, also where a caller counts its days from another start."""
    fixture.running()
    earlier = fixture.campaign.progress.model_copy(update={"start": fixture.at(-24)})
    fixture.campaign = fixture.campaign.model_copy(update={"progress": earlier})
    fixture.observe(12, enabled=True)
    (day,) = fixture.ledger.reservations(fixture.account)
    assert day.served_micros > 0 and fixture.ledger.violations(RUN) == ()
