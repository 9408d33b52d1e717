"""What once let money out, or could have: the simulation finds each when its mending is taken out.

`make hostile` runs sequences with every mending in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.live import reaping
from activities.live.claiming import Claiming
from activities.live.locating import Locating
from activities.live.reaping import Reaping
from activities.live.settling import Settling
from activities.live.watching import Watching
from gaelp.domain.episodes import EpisodeState
from gaelp.ledger import booked_evidence
from gaelp.ledger.rules import ceiling_rules, reservation_rules, spend_rules
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.ledger.stop_pauses import StopPauses
from gaelp.ledger.stores import campaign_books_store
from gaelp.messages.reaper import Reaped
from gaelp.platforms.protocol import OutcomeUnknown
from tests.hostile.hostile_platform import Nature
from tests.hostile.hostile_sequence import START, Sequence, run_sequence
from tests.hostile.invariants import Broken, Invariant, Invariants
from workflows.campaigns import campaign_calls
from workflows.campaigns.campaign_needs import CallFailed
from workflows.campaigns.campaign_scene import CampaignScene

Before = Callable[[Sequence], None]
FIRST = "run-a/scaled/campaign-00"


def run_all(nature: Nature, seeds: int = 1, before: Before | None = None) -> None:
    """So many sequences with every mending in place; raises Broken."""
    for seed in range(seeds):
        run_sequence(seed, nature, before)


def finds(invariant: Invariant, nature: Nature, seeds: int = 1, before: Before | None = None) -> bool:
    """Whether one of so many sequences breaks this invariant."""
    for seed in range(seeds):
        try:
            run_sequence(seed, nature, before)
        except Broken as broken:
            if broken.invariant is invariant:
                return True
    return False


def test_an_approval_that_does_not_bind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign that nobody signed reserves a day as soon as reservations are not compared with what was signed."""
    monkeypatch.setattr(ceiling_rules, "judge_ceilings", lambda *_: GRANTED)
    assert finds(Invariant.SIGNED, Nature())


def test_a_forged_permission_that_is_believed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A raise of 40 % lies within the ceilings that were signed; only the rule of the step refuses it."""
    run_all(Nature(), 5)
    monkeypatch.setattr(reservation_rules, "judge_step", lambda *_: GRANTED)
    assert finds(Invariant.STEP, Nature(), 5)


# ------------------------------------------------------------ not found


def test_a_campaign_that_is_not_found_and_taken_for_gone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not found is taken for never created, what it can bill is counted no more."""
    monkeypatch.setattr(Locating, "may_exist", lambda *_: False)
    assert finds(Invariant.COUNTED, Nature(forgets=0.02), 10)


def _renamed(sequence: Sequence) -> None:
    """Somebody renames a campaign on its second day."""

    def hands(_: Sequence) -> None:
        if sequence.clock.now >= START + timedelta(days=1) and not sequence.platform.met["renamed"]:
            sequence.platform.met["renamed"] += 1
            sequence.platform.set("p0", external_name=f"{sequence.platform.all['p0'].state.external_name} (renamed)")

    sequence.hands = hands


def test_a_renamed_campaign_that_is_looked_for_by_its_name_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its id it is found and goes on; by its name it is unknown, and stops everything of its account."""
    assert not run_sequence(1, Nature(), _renamed).met["the account is stopped"]
    monkeypatch.setattr(Locating, "platform_id", lambda *_: "")
    assert run_sequence(1, Nature(), _renamed).met["the account is stopped"]


def test_a_restored_platform_that_nobody_notices_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that reports less than before is in an older state, which is a violation."""
    nature = Nature(restores=0.03)
    run_all(nature, 5)
    judge = spend_rules.judge_report
    monkeypatch.setattr(spend_rules, "judge_report", lambda *report: replace(judge(*report), lower=False))
    assert finds(Invariant.ALARMED, nature, 5)


def test_a_day_that_is_settled_below_what_was_seen_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform restored from a backup reports less: its final figure is not what the day cost."""
    monkeypatch.setattr(Settling, "settle_days", _settle_as_reported)
    monkeypatch.setattr(spend_rules, "_seen", lambda _: 0)
    assert finds(Invariant.NOT_BELOW, Nature(restores=0.03), 20)


# ------------------------------------------------------------ one call, once


def _without_claim(claiming: Claiming, *arguments: Any) -> None:
    arguments[-1]()


def test_a_budget_that_is_written_without_a_claim_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that lags makes whoever asks the platform alone write the same budget twice."""
    nature = Nature(lags=0.5)
    run_all(nature, 10)
    monkeypatch.setattr(Claiming, "call_under_claim", _without_claim)
    assert finds(Invariant.BUDGET_ONCE, nature, 10)


def test_a_create_that_is_answered_twice_and_not_taken_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign is there and is ours; where the refusal is taken for a failure, the campaign fails."""
    nature = Nature(errors=0.3, lags=0.9)
    run_all(nature, 10)
    monkeypatch.setattr(Claiming, "_created", lambda _self, _campaign, _platform, create: create())
    assert finds(Invariant.NO_FAILURE, nature, 10)


# ------------------------------------------------------------ outages


def test_an_outage_that_is_a_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign that fails because the platform is away breaks the rule that nothing of it is anybody's failure."""
    monkeypatch.setattr(campaign_calls, "OutOfReach", lambda words, _=None: CallFailed(words))
    assert finds(Invariant.NO_FAILURE, Nature(away=0.01), 10)


# ------------------------------------------------------------ watching


def _enabled_by_hand(sequence: Sequence) -> None:
    """Paused after thirty hours, enabled by somebody an hour later, and stopped after three days."""

    def hands(_: Sequence) -> None:
        now, campaign = sequence.clock.now, sequence.campaigns[FIRST]
        campaign.update(paused=now >= START + timedelta(hours=30))
        if now >= START + timedelta(hours=31) and not sequence.platform.met["enabled"]:
            sequence.platform.met["enabled"] += 1
            state = next(c.state for c in sequence.platform.all.values() if c.state.external_name == FIRST)
            sequence.platform.set(state.platform_id, enabled=True)
        if now >= START + timedelta(days=3) and not campaign.state.stopped:
            sequence.stop("the test is over")

    sequence.hands = hands


def test_a_paused_campaign_that_is_not_watched_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hand enables while it is paused is paused by the next reading, and goes on where nobody reads."""
    run_all(Nature(), before=_enabled_by_hand)
    watched = CampaignScene.look

    async def look(scene: CampaignScene, *arguments: Any) -> Any:
        return await (_look_away if scene.state.paused else watched)(scene, *arguments)

    monkeypatch.setattr(CampaignScene, "look", look)
    assert finds(Invariant.TICK, Nature(), before=_enabled_by_hand)


def test_edits_by_hand_that_are_not_compared_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bills beyond its reservation because somebody gave it more is a violation and raises the fence."""
    nature = Nature(edits=0.05)
    run_all(nature, 10)
    monkeypatch.setattr(Watching, "record", lambda *_: "")
    monkeypatch.setattr(Watching, "post_days", lambda *_: "")
    monkeypatch.setattr(Reaping, "reap", lambda *_: Reaped())
    monkeypatch.setattr(Invariants, "raised", lambda *_: [])
    assert finds(Invariant.SEEN, nature, 10)


async def _look_away(scene: CampaignScene, *_: Any) -> None:
    await scene.host.wait(timedelta(minutes=1), lambda: False, "")


def _late_enable(sequence: Sequence) -> None:
    """The first enable is answered with an error and carried out 25 seconds later; a stop comes in between."""

    def enable(account: str, platform_id: str, at: Any) -> None:
        due = sequence.clock.now + timedelta(seconds=25)
        sequence.platform.late.append((due, lambda: sequence.platform.set(platform_id, enabled=True)))
        sequence.stop("a person stops the account")
        raise OutcomeUnknown("the platform failed")

    sequence.platform.enable = enable  # type: ignore[method-assign]
    sequence.hands = lambda _: None


def _late_enable_without_reaper(sequence: Sequence) -> None:
    _late_enable(sequence)
    sequence.reaps = False


def test_a_call_that_is_carried_out_late_is_found_by_the_campaign_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """An enable after the stop is paused by the next reading, and goes on where a stopped campaign is not read."""
    run_all(Nature(), before=_late_enable_without_reaper)
    monkeypatch.setattr(CampaignScene, "look", _looks_away_while_it_matures())
    assert finds(Invariant.TICK, Nature(), before=_late_enable_without_reaper)


def test_a_call_that_is_carried_out_late_is_found_by_the_reaper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no campaign looks any more, the reaper pauses it; where the reaper does nothing either, it goes on."""
    monkeypatch.setattr(CampaignScene, "look", _looks_away_while_it_matures())
    run_all(Nature(), before=_late_enable)
    monkeypatch.setattr(Reaping, "reap", lambda *_: Reaped())
    assert finds(Invariant.COVERED, Nature(), before=_late_enable)


def _raised_between_two_ticks(sequence: Sequence) -> None:
    """Three hours into its second day somebody gives a campaign ten times its budget."""

    def hands(_: Sequence) -> None:
        found = [c.state for c in sequence.platform.all.values() if c.state.external_name == FIRST and c.state.enabled]
        if sequence.clock.now >= START + timedelta(hours=27) and found and not sequence.platform.met["raised"]:
            sequence.platform.met["raised"] += 1
            sequence.platform.set(found[0].platform_id, daily_budget_micros=10 * found[0].daily_budget_micros)

    sequence.hands = hands


def test_what_is_raised_by_hand_and_not_compared_by_the_reaper_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reaper's next look pauses it, long before the campaign's own tick; without the comparison it goes on."""
    nature = Nature(edits=1e-9)  # not lawful: somebody edits
    run_all(nature, 3, _raised_between_two_ticks)
    monkeypatch.setattr(reaping, "outside_changes", lambda *_: ())
    assert finds(Invariant.COMPARED, nature, 3, _raised_between_two_ticks)


def _looks_away_while_it_matures() -> Callable[..., Any]:
    watched = CampaignScene.look

    async def looks(scene: CampaignScene, *arguments: Any) -> Any:
        matures = scene.state.stage is EpisodeState.MATURING
        return await (_look_away if matures else watched)(scene, *arguments)

    return looks


# ------------------------------------------------------------ the stop


def _stopped_on_the_third_day(sequence: Sequence) -> None:
    def hands(_: Sequence) -> None:
        if sequence.clock.now >= START + timedelta(days=2, hours=3) and not sequence.campaigns[FIRST].state.stopped:
            sequence.stop("a person stops the account")

    sequence.hands = hands


def _read_first(pauses: StopPauses) -> bool:
    if pauses.read():
        return True
    pauses._pause({**pauses.not_found, **pauses.enabled})
    return False


def test_a_stop_that_reads_before_it_pauses_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer takes 4.5 seconds: the pauses do not wait for the reading, and the stop has its time."""
    nature = Nature(slow=True)
    run_all(nature, before=_stopped_on_the_third_day)
    monkeypatch.setattr(StopPauses, "round", _read_first)
    assert finds(Invariant.STOP_IN_TIME, nature, before=_stopped_on_the_third_day)


# ------------------------------------------------------------ forged endings


def _written_over(connection: Any, result: Any, phase: str, at: Any) -> None:
    row = {"campaign": result.campaign, "kind": "ended", "body": result.model_dump_json(), "at": at}
    if connection.change(campaign_books_store._REPLACE, **row) == 0:
        connection.change(campaign_books_store._ADD, **row, phase=phase)


def test_a_second_result_that_is_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a campaign has ended anybody may start a workflow under its id; what it reports is not the campaign's."""
    monkeypatch.setattr(campaign_books_store, "keep_result", _written_over)
    assert finds(Invariant.ENDED, Nature(), 100)


def test_invented_days_that_the_gate_believes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result with profitable days that cost nothing is not judged by them, but by what the ledger was reported."""
    monkeypatch.setattr(booked_evidence, "booked", lambda campaigns, *_: (campaigns, ()))
    assert finds(Invariant.EVIDENCE, Nature(), 3)


def test_days_of_a_result_that_the_gate_believes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holding a result's costs against the ledger is not enough: its revenue may be made up."""
    monkeypatch.setattr(booked_evidence, "with_reported_days", lambda campaigns, _: tuple(campaigns))
    assert finds(Invariant.EVIDENCE, Nature(), 3)


def _settle_as_reported(settling: Settling, campaign: Any, account: Any, report: Any, at: Any) -> bool:
    """Every final figure is taken as it is."""
    open_days = [
        r for r in settling._ledger.reservations(account.account) if (r.campaign, r.state) == (campaign.name, "open")
    ]
    final = {day.day: day.cost_micros for day in report.days if day.final}
    for reservation in open_days:
        if reservation.day in final:
            settling._ledger.settle(reservation.key, final[reservation.day], at)
    return all(reservation.day in final for reservation in open_days)
