"""`checkpoints`: the states of a run, and what each was made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaelp.commands.watching.status import lost_of
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.messages.recording import EpisodeRecord
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.settings import Settings
from tests.support.command_line import Finished
from tests.support.ledgers import account

FIRST, SECOND, LAST = "a" * 64, "b" * 64, "c" * 64
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


def played(number: int, state: str, purpose: BatchPurpose, *, settled: bool = True) -> dict[str, object]:
    return EpisodeRecord(
        run="r", phase=Phase.SIMULATION, episode=f"r/simulation/batch-{number:04d}",
        state=EpisodeState.SETTLED if settled else EpisodeState.FAILED, agent="x", checkpoint_digest=state,
        at=BEGAN + timedelta(minutes=number // 2), episodes=8, reward=0.5, purpose=purpose,
    ).model_dump()  # fmt: skip


def test_each_state_names_the_state_and_the_batches_that_made_it(
    in_process: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rounds of two batches: the first state was made from nothing, and a batch set aside made none."""
    monkeypatch.setenv("GAELP_HOME", str(tmp_path))
    train = BatchPurpose.TRAIN
    rows = [
        played(0, FIRST, train), played(1, FIRST, train), played(2, SECOND, train),
        played(3, SECOND, train, settled=False), played(1000, LAST, BatchPurpose.EXAM),
    ]  # fmt: skip
    warehouse = open_warehouse(Settings(home=tmp_path).warehouse)
    warehouse.append("episodes", rows, "rows")
    warehouse.close()
    found = json.loads(in_process("checkpoints", "r", "--json").stdout)["checkpoints"]
    assert [(each["checkpoint_digest"], each["parent"]) for each in found] == [
        (FIRST, ""), (SECOND, FIRST), (LAST, SECOND),
    ]  # fmt: skip
    made = [[name.rpartition("-")[2] for name in each["batches"]] for each in found]
    assert made == [[], ["0000", "0001"], ["0002"]]
    assert "batch-0000 to batch-0001" in in_process("checkpoints", "r").stdout.replace("\n", " ")


def test_a_state_whose_pass_was_lost_is_shown_so(
    in_process: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever chooses a state to begin with sees which run has taken its pass; `status` says the same in a sentence."""
    monkeypatch.setenv("GAELP_HOME", str(tmp_path))
    warehouse = open_warehouse(Settings(home=tmp_path).warehouse)
    warehouse.append("episodes", [played(1000, LAST, BatchPurpose.EXAM)], "rows")
    warehouse.close()
    ledger = Ledger.open(Settings(home=tmp_path).ledger)
    ledger.put_account(account())
    for run in ("r", "s"):
        ledger.register_run(run, "acme", BEGAN)
        ledger.begin_run(run, BegunTerms("acme", "mine", "c" * 64), BEGAN)
    passed = KeptVerdict("r", Phase.SIMULATION, LAST, "e" * 64, (), Verdict.PASS, promote=True)
    ledger.keep_verdict("acme", passed, BEGAN)
    assert lost_of(ledger, "r") == []
    failed = KeptVerdict("s", Phase.HISTORICAL, LAST, "e" * 64, (), Verdict.FAIL, promote=False)
    ledger.keep_verdict("acme", failed, BEGAN, ledger.passed_gates("mine", LAST))
    (sentence,) = lost_of(ledger, "r")
    assert "pass of simulation counts no more: s/historical failed" in sentence
    ledger.close()
    (state,) = json.loads(in_process("checkpoints", "r", "--json").stdout)["checkpoints"]
    assert state["lost_to"] == "s/historical"
