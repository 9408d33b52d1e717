"""Which gates an agent's checkpoint has passed, by the recorded verdicts. Touch this to count another verdict."""

from __future__ import annotations

from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.records.warehouse.warehouse import Warehouse


def passed_gates(warehouse: Warehouse, checkpoint: str) -> frozenset[Phase]:
    """The phases whose gate gave this very checkpoint a PASS, in whatever run."""
    rows = warehouse.query(
        "SELECT DISTINCT phase FROM verdicts WHERE checkpoint_digest = @digest AND verdict = @passed",
        {"digest": checkpoint, "passed": Verdict.PASS.value},
    )
    return frozenset(Phase(row["phase"]) for row in rows)
