"""Who else edits is noticed: what reads otherwise than we wrote it is recorded with both values, paused or running."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from gaelp.platforms.protocol import OutcomeUnknown
from tests.support.campaign_stand import RUN, UNIT, Crash, Stand, crash
from tests.support.local_runs import LocalRuns


def _found(stand: Stand) -> list[tuple[str, str]]:
    return [(v.kind, v.severity) for v in stand.ledger.violations(RUN)]


def _edit(stand: Stand, verb: str, *values: Any, hours: float = 12) -> None:
    """What a person does in the platform's own pages."""
    state = stand.found()
    assert state is not None
    getattr(stand.platform.real, verb)(stand.account, state.platform_id, *values, stand.at(hours))


def test_an_undisturbed_campaign_has_no_differences(stand: Stand) -> None:
    """Launch, apply, pause and apply again: everything reads as we wrote it."""
    stand.running()
    assert not stand.observe(12, enabled=True).halt
    stand.settle(24)
    assert not stand.observe(24).halt
    assert stand.apply(1).applied
    assert not stand.observe(30, enabled=True).halt
    assert _found(stand) == []


def test_a_budget_that_somebody_raises_stops_the_account_and_counts(stand: Stand) -> None:
    """Ten times the budget: the day counts what the platform may now bill, above every cap, and the campaign halts."""
    stand.running()
    _edit(stand, "set_budget", 250 * UNIT)
    observed = stand.observe(13, enabled=True)
    assert observed.stop_account
    assert "daily budget: we wrote 25.00 USD, and the platform reads 250.00 USD" in observed.halt
    assert [r.counted_micros for r in stand.ledger.reservations(stand.account)] == [500 * UNIT]
    assert _found(stand) == [("changed-outside", "high")] and stand.ledger.fence(stand.account) == 1
    stand.observe(13, enabled=True)
    assert len(_found(stand)) == 1 and stand.ledger.fence(stand.account) == 1  # once


def test_a_paused_campaign_that_somebody_enables_is_noticed_and_counts(stand: Stand) -> None:
    """Paused over a day that was never reserved, then enabled by hand with a higher budget: it counts at once."""
    stand.running()
    stand.settle(24)
    _edit(stand, "set_budget", 250 * UNIT, hours=25)
    _edit(stand, "set_end", stand.at(72), hours=25)
    _edit(stand, "enable", hours=25)
    observed = stand.observe(25)
    assert observed.stop_account and "enabled: we wrote paused, and the platform reads enabled" in observed.halt
    first, second = stand.ledger.reservations(stand.account)
    assert (second.day - first.day, second.state, second.counted_micros) == (timedelta(days=1), "frozen", 500 * UNIT)
    assert stand.ledger.fence(stand.account) >= 1


def test_spend_of_a_day_that_nobody_reserved_counts_and_stops_the_account(stand: Stand) -> None:
    """Enabled by hand and looked at two days later: both days are in the books at what was billed or may be."""
    stand.running()
    stand.settle(24)
    _edit(stand, "set_end", stand.at(72), hours=25)
    _edit(stand, "enable", hours=25)
    assert stand.observe(49).stop_account
    kinds = {kind for kind, _ in _found(stand)}
    assert kinds == {"changed-outside", "unreserved-spend"}
    found = stand.found()
    assert found is not None
    report = stand.platform.real.report(stand.account, found.platform_id, stand.at(49))
    spent = sum(max(day.cost_micros, day.served_micros) for day in report.days)
    assert stand.ledger.spent(RUN) == spent > 0


@pytest.mark.parametrize(
    ("verb", "values", "words"),
    [
        ("set_budget", (5 * UNIT,), "daily budget: we wrote 25.00 USD, and the platform reads 5.00 USD"),
        ("set_end", None, "end: we wrote 2026-01-06T00:00:00+00:00, and the platform reads 2026-01-05T20:00:00+00:00"),
        ("set_delivery", None, "bids: we wrote (5000000, 5000000"),
    ],
)
def test_an_edit_that_raises_nothing_is_recorded_and_halts_nothing(
    stand: Stand, verb: str, values: Any, words: str
) -> None:
    """Both values are kept; the next decision writes its own again."""
    state = stand.running()
    others = {"set_end": (stand.at(20),), "set_delivery": ((UNIT,) * len(state.bid_micros), state.creative_prob)}
    _edit(stand, verb, *(values or others[verb]))
    assert not stand.observe(13, enabled=True).halt
    (violation,) = stand.ledger.violations(RUN)
    assert (violation.kind, violation.severity) == ("changed-outside", "high") and words in violation.evidence
    assert stand.ledger.fence(stand.account) == 0


def test_a_renamed_campaign_is_found_by_its_id_and_the_name_is_recorded(stand: Stand, local_runs: LocalRuns) -> None:
    """A person's rename hides nothing: it runs on, and it is settled at what it cost."""
    state, settings = stand.running(), local_runs.settings
    httpx.put(
        f"{settings.emulator_url}/control/accounts/{stand.account}/campaigns/{state.platform_id}/name",
        headers={"Authorization": f"Bearer {settings.emulator_token}"}, json={"name": "spring sale"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    assert stand.found() is None
    observed = stand.observe(13, enabled=True)
    assert observed.enabled and not observed.halt
    (violation,) = stand.ledger.violations(RUN)
    assert "name: we wrote run-a/live-test/campaign-00, and the platform reads spring sale" in violation.evidence
    assert stand.apply(1).applied
    paused = stand.settle(24 + 240, final=True)
    assert paused.final and paused.spend_micros > 0


def test_a_pause_by_somebody_else_is_recorded_without_blame(stand: Stand) -> None:
    """It can only reduce spend, so it fails no criterion; a pause by a stop of ours is not recorded at all."""
    state = stand.running()
    stand.platform.real.pause(stand.account, state.platform_id, stand.at(12))
    assert not stand.observe(13).halt and _found(stand) == []  # the campaign believes that it paused it itself
    assert not stand.observe(13, enabled=True).halt
    assert _found(stand) == [("changed-outside", "medium")]
    stand.stop()
    stand.observe(14, enabled=True)
    assert len(_found(stand)) == 1


@pytest.mark.parametrize("verb", ["set_delivery", "set_end", "enable"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_our_own_write_that_was_broken_off_is_nobody_elses(stand: Stand, verb: str, when: str) -> None:
    """Dead in the middle of an apply: some settings are the old ones and some the new, and both are ours."""
    stand.running()
    stand.settle(24)
    getattr(stand.platform, when)[verb] = crash
    with pytest.raises(Crash):
        stand.apply(1, stand.decide(bid=4 * UNIT))
    assert not stand.observe(25).halt and _found(stand) == []
    stand.settle(26)
    assert not stand.observe(27).halt and _found(stand) == []


def test_a_late_enable_of_our_own_after_a_pause_is_paused_again(stand: Stand) -> None:
    """Answered with an error and carried out after the pause: it reads enabled where we wrote paused."""
    assert stand.launch().launched

    def unknown() -> None:
        raise OutcomeUnknown("500")

    stand.platform.before["enable"] = unknown
    with pytest.raises(OutcomeUnknown):
        stand.apply()
    stand.settle(1)
    _edit(stand, "enable", hours=2)
    assert stand.observe(3).stop_account
    stand.settle(3)
    state = stand.found()
    assert state is not None and not state.enabled
