"""The report of a run that waits shows the card that its signature binds."""

from __future__ import annotations

from pathlib import Path

from gaelp.domain.spending.approval_requests import request_digest
from gaelp.ledger.stored_records import StoredRequest
from tests.support import ledgers as kit
from tests.unit.reports.test_report_page import Journal, build, start_run, text_of, warehouse

__all__ = ["warehouse"]

TEXT = "- **Spend:** at most **300.00 USD**, <b>really</b>.\n- **Bound:** `digest`."


class Waiting(Journal):
    """A ledger in which a person is asked."""

    def __init__(self, state: str) -> None:
        super().__init__()
        self.state = state

    def undecided_requests(self, run: str) -> tuple[StoredRequest, ...]:
        return (StoredRequest(kit.request(), request_digest(kit.request()), self.state, TEXT),)


def test_the_card_stands_where_the_report_says_what_waits(warehouse: object, tmp_path: Path) -> None:
    """Every line of it, escaped; of a request that a stop has voided the sentence alone."""
    start_run(warehouse)  # type: ignore[arg-type]
    html = text_of(build(warehouse, Waiting("open"), "a", tmp_path / "open"))  # type: ignore[arg-type]
    waits = html[html.index("What are you asked to sign?") :]
    assert "<dt><b>Spend</b></dt>" in waits and "<b>300.00 USD</b>, &lt;b&gt;really" in waits
    assert "<code>digest</code>" in waits
    assert "<details" not in waits.split("</section>")[0], "what is folded is not printed"
    void = text_of(build(warehouse, Waiting("void"), "a", tmp_path / "void"))  # type: ignore[arg-type]
    assert "void since a stop" in void and "<dt><b>" not in void
