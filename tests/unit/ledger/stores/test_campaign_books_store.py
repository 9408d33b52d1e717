"""What campaigns report of themselves is kept in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from tests.support.ledgers import NOW

ENDED = CampaignResult(
    campaign="run-a/scaled/campaign-00", index=0, product="shoes", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED
)


def test_a_campaign_ends_once(tmp_path: Path) -> None:
    """The same ending again changes nothing; another one is refused, and the first stands."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    ledger.keep_result(ENDED, NOW)
    ledger.keep_result(ENDED, NOW)
    with pytest.raises(LedgerConflict, match="its first result stands"):
        ledger.keep_result(ENDED.model_copy(update={"spend_micros": 1}), NOW)
    assert ledger.campaign_results(phase_id("run-a", Phase.SCALED)) == (ENDED,)
    ledger.close()
