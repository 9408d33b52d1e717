"""Steps of monitoring in the ledger: each once, undone by a named person, and told of in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.monitoring.ladder import LadderStep
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownStep
from tests.support import ledgers as kit
from tests.support.ledgers import NOW
from tests.support.planted_anomalies import anomaly, walked

HOLD, CUT, NOTE = walked([(0, [anomaly()]), (1, [anomaly(e_value=1e9)]), (2, [anomaly("spend", "down", "note")])])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with a hold, a cut and a note of one campaign."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    for step in (HOLD, CUT, NOTE):
        assert opened.take_step(step)
    yield opened
    opened.close()


def told(ledger: Ledger) -> list[tuple[str, str]]:
    entries = ledger.journal(kinds=("monitoring-step", "monitoring-undone"))
    return [(entry.kind, json.loads(entry.detail)["step"]) for entry in entries]


def test_a_step_reads_back_as_it_was_taken_and_stands_once(ledger: Ledger) -> None:
    """A repeated activity records nothing more, whatever it brings."""
    assert ledger.monitoring_steps(HOLD.campaign) == ledger.steps_of_run(HOLD.run) == (HOLD, CUT, NOTE)
    assert not ledger.take_step(HOLD.model_copy(update={"reason": "another"}))
    assert ledger.monitoring_steps(HOLD.campaign)[0] == HOLD and ledger.steps_of_run("other") == ()
    assert told(ledger) == [("monitoring-step", word) for word in ("hold", "cut", "note")]


def test_undoing_a_step_undoes_the_later_ones_of_its_campaign(ledger: Ledger) -> None:
    """They rest on it; a second undo by the same person changes nothing, not even a step that was taken since."""
    assert [each.step for each in ledger.undo_step(HOLD.key, "Ada", "a holiday", NOW)] == ["hold", "cut"]
    assert ledger.undo_step(HOLD.key, "Ada", "a holiday", NOW) == []
    steps = ledger.monitoring_steps(HOLD.campaign)
    assert [each.undone_by for each in steps] == ["Ada", "Ada", ""] and steps[1].undone_because == "a holiday"
    assert told(ledger)[3:] == [("monitoring-undone", "hold"), ("monitoring-undone", "cut")]
    later = HOLD.model_copy(update={"key": f"{HOLD.campaign}/step-4", "number": 4})
    assert ledger.take_step(later) and ledger.undo_step(HOLD.key, "Ada", "a holiday", NOW) == []
    assert ledger.monitoring_steps(HOLD.campaign)[-1].undone_by == ""


def test_the_later_step_alone_can_be_undone(ledger: Ledger) -> None:
    """The hold before the cut stands."""
    ledger.undo_step(CUT.key, "Ada", "a holiday", NOW)
    assert [each.undone_by for each in ledger.monitoring_steps(HOLD.campaign)] == ["", "Ada", ""]


def test_nobody_undoes_without_a_name_a_reason_and_a_step_that_changed_something(ledger: Ledger) -> None:
    """Nor what another person has undone, nor a step that is not there; and nothing is written."""
    for by, reason in (("", "why"), ("Ada", " ")):
        with pytest.raises(ValueError, match="named person with a reason"):
            ledger.undo_step(CUT.key, by, reason, NOW)
    with pytest.raises(LedgerConflict, match="it changed nothing"):
        ledger.undo_step(NOTE.key, "Ada", "why", NOW)
    with pytest.raises(UnknownStep, match="undo RUN"):
        ledger.undo_step(f"{CUT.key}9", "Ada", "why", NOW)
    ledger.undo_step(CUT.key, "Ada", "a holiday", NOW)
    with pytest.raises(LedgerConflict, match="undone by Ada"):
        ledger.undo_step(CUT.key, "Bob", "mine", NOW)
    assert len(told(ledger)) == 4


def test_no_undo_reaches_into_a_campaign_that_monitoring_has_stopped(ledger: Ledger) -> None:
    """Why it ended stays as it was: a pause that is undone after the stop would change whose doing it was."""
    stop = CUT.model_copy(update={"key": f"{HOLD.campaign}/step-4", "number": 4, "step": LadderStep.STOP})
    assert ledger.take_step(stop)
    for step in (HOLD, CUT):
        with pytest.raises(LedgerConflict, match="has ended: there is nothing left that an undo could restore"):
            ledger.undo_step(step.key, "Ada", "a holiday", NOW)
    assert all(not each.undone_by for each in ledger.monitoring_steps(HOLD.campaign))


def test_no_step_and_no_undo_reaches_into_a_campaign_that_has_ended(ledger: Ledger) -> None:
    """Once its result is kept no step is taken or undone; to undo again what was undone before changes nothing."""
    ledger.undo_step(CUT.key, "Ada", "a holiday", NOW)
    result = CampaignResult(
        campaign=HOLD.campaign, index=0, product="product-a", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED
    )
    ledger.keep_result(result, NOW)
    assert ledger.undo_step(CUT.key, "Ada", "a holiday", NOW) == []
    with pytest.raises(LedgerConflict, match="has ended"):
        ledger.undo_step(HOLD.key, "Ada", "a holiday", NOW)
    later = HOLD.model_copy(update={"key": f"{HOLD.campaign}/step-4", "number": 4})
    assert not ledger.take_step(later) and len(ledger.monitoring_steps(HOLD.campaign)) == 3
