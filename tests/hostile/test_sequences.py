"""Campaigns under a hostile platform: the invariants hold in every sequence, and a mending that is taken out is missed.

`make hostile` runs more of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.ledger.rules import ceiling_rules
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.platforms.protocol import OutcomeUnknown
from tests.hostile import direct_calls
from tests.hostile.hostile_platform import Nature
from tests.hostile.hostile_sequence import START, Broken, Sequence, nature_of, run_sequence
from workflows.campaigns.campaign_needs import CallFailed
from workflows.campaigns.campaign_scene import CampaignScene

# Half a second of processor time each. Lawful platforms only: what a hand or a broken rule does to the books is run by
# `make hostile`.
SEEDS = [seed for seed in range(100) if nature_of(seed).lawful and not nature_of(seed).forgets][:20]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sequence_keeps_every_invariant(seed: int) -> None:
    """Two campaigns, seven days, at least 200 steps; faults, deaths, pauses and stops between any two of them."""
    assert run_sequence(seed).steps >= 200


def _breaks(nature: Nature, seeds: int) -> str:
    """The first invariant that one of so many sequences breaks; empty where all hold."""
    for seed in range(seeds):
        try:
            run_sequence(seed, nature)
        except Broken as broken:
            return str(broken)
    return ""


def test_an_approval_that_does_not_bind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign that nobody signed reserves a day as soon as reservations are not compared with what was signed."""
    monkeypatch.setattr(ceiling_rules, "judge_ceilings", lambda *_: GRANTED)
    assert "was never signed" in _breaks(Nature(), 1)


def test_an_outage_that_is_a_failure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign that fails because the platform is away breaks the rule that nothing of it is anybody's failure."""
    monkeypatch.setattr(direct_calls, "OutOfReach", lambda words, _=None: CallFailed(words))
    assert "failed because the platform was away" in _breaks(Nature(away=0.01), 10)


def _enabled_by_hand(sequence: Sequence) -> None:
    """Paused after thirty hours, and enabled by somebody an hour later."""
    now, campaign = sequence.clock.now, sequence.campaigns["run-a/scaled/campaign-00"]
    campaign.update(paused=now >= START + timedelta(hours=30))
    if now >= START + timedelta(hours=31) and not sequence.platform.edits:
        sequence.platform.edits = 1
        sequence.platform.set("p0", enabled=True)
    if now >= START + timedelta(days=3):
        sequence.stop("the test is over")


def _hands(sequence: Sequence) -> None:
    sequence.hands = _enabled_by_hand


def test_a_paused_campaign_that_is_not_watched_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hand enables while it is paused is paused by the next reading, and goes on where nobody reads."""
    run_sequence(1, Nature(), _hands)

    async def look_away(scene: CampaignScene, *_: Any) -> None:
        await scene.host.wait(timedelta(minutes=1), lambda: False, "")

    watched = CampaignScene.look

    async def look(scene: CampaignScene, *arguments: Any) -> Any:
        return await (look_away if scene.state.paused else watched)(scene, *arguments)

    monkeypatch.setattr(CampaignScene, "look", look)
    with pytest.raises(Broken, match="although it must be paused"):
        run_sequence(1, Nature(), _hands)


def _late_enable(sequence: Sequence) -> None:
    """The first enable is answered with an error and carried out two hours later; a stop comes in between."""

    def enable(account: str, platform_id: str, at: datetime) -> None:
        due = sequence.clock.now + timedelta(hours=2)
        sequence.platform.late.append((due, lambda: sequence.platform.set(platform_id, enabled=True)))
        sequence.stop("a person stops the account")
        raise OutcomeUnknown("the platform failed")

    sequence.platform.enable = enable  # type: ignore[method-assign]
    sequence.hands = lambda _: None


def test_a_call_that_is_carried_out_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An enable after the stop is paused by the next reading, and goes on where a stopped campaign is not read."""
    run_sequence(1, Nature(), _late_enable)

    async def look(scene: CampaignScene, *_: Any) -> None:
        await scene.host.wait(timedelta(minutes=1), lambda: False, "")

    watched = CampaignScene.look

    async def looks(scene: CampaignScene, *arguments: Any) -> Any:
        matures = scene.state.stage is EpisodeState.MATURING
        return await (look if matures else watched)(scene, *arguments)

    monkeypatch.setattr(CampaignScene, "look", looks)
    with pytest.raises(Broken, match="although it must be paused"):
        run_sequence(1, Nature(), _late_enable)


def test_half_of_the_sequences_are_lawful() -> None:
    """In them the invariants about what may still be billed are checked after every step."""
    assert [nature_of(seed).lawful for seed in range(8)] == [True, True, False, False] * 2
