"""Reports of campaigns are heard from their own workflows only."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.inputs import Inputs
from activities.records.campaign_reports import CampaignReports
from activities.records.senders import NotItsOwnWord
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.ledger.ledger import Ledger
from gaelp.records.content_store import ContentStore
from tests.support.activity_senders import as_workflow

NAME, PHASE = "run-a/scaled/campaign-00", "run-a/scaled"
ENDED = CampaignResult(campaign=NAME, index=0, product="shoes", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED)


@pytest.mark.parametrize("sender", ["run-a/scaled/campaign-01", PHASE, NAME])
def test_only_its_own_workflow_reports_how_a_campaign_ended(tmp_path: Path, sender: str) -> None:
    """A report that another workflow makes is refused and not kept; the campaign's own is kept."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    reports = CampaignReports(ledger, Inputs(ContentStore(str(tmp_path / "store"))))
    activities = as_workflow(sender)
    if sender == NAME:
        activities.run(reports.keep_result, ENDED)
    else:
        with pytest.raises(NotItsOwnWord, match="only its own workflow may"):
            activities.run(reports.keep_result, ENDED)
    assert ledger.campaign_results(PHASE) == ((ENDED,) if sender == NAME else ())
    ledger.close()
