"""The beginning and the end of a run: what is refused before anything is done, and what is written once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from temporalio.testing import ActivityEnvironment

from activities.records.runs import Runs
from activities.records.senders import NotItsOwnWord
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import Account, AccountKind, DollarRate
from gaelp.domain.gates.verdicts import GateVerdict, Verdict
from gaelp.domain.phases import Outcome, Phase
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.messages.phase import PhaseResult
from gaelp.messages.training_run import BeginRun, EndRun, RunBegun, RunInput, RunResult
from gaelp.records.events.event_back_ends import open_events, read_events
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.activity_senders import as_workflow
from tests.support.campaign_fixture import START, CampaignFixture
from tests.support.local_runs import LocalRuns

VERSIONS = {"numpy": "2.1"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse of this test's own."""
    opened = open_warehouse(str(tmp_path / "warehouse"))
    yield opened
    opened.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An emulator's account and a real one."""
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for name, kind in (("emulator", AccountKind.EMULATOR), ("acme", AccountKind.REAL)):
        opened.put_account(
            Account(
                account=name, kind=kind, platform="emulator", currency="USD", daily_cap_micros=1, total_cap_micros=1
            )
        )
    for name, day in (("yen", START.date()), ("old-yen", START.date() - timedelta(days=32)), ("no-rate", None)):
        rate = DollarRate(units_per_dollar=150, day=day, source="a bank") if day else None
        opened.put_account(
            Account(
                account=name, kind=AccountKind.EMULATOR, platform="emulator", currency="JPY", dollar_rate=rate,
                daily_cap_micros=1, total_cap_micros=1,
            )
        )  # fmt: skip
    yield opened
    opened.close()


@pytest.fixture
def runs(local_runs: LocalRuns, ledger: Ledger, warehouse: Warehouse) -> Runs:
    """The activities."""
    return Runs(
        ledger, local_runs.store(), warehouse, open_events(local_runs.settings.redis_url, ""), "commit-a", VERSIONS
    )


def _begin(local_runs: LocalRuns, run: str, *changes: str, **more: Any) -> BeginRun:
    config = local_runs.config(*changes)
    values = {"run": run, "config": config, "config_digest": loading.digest(config), "agent": "x"}
    return BeginRun(order=RunInput.model_validate({**values, **more}), started_at=START)


def _answer(runs: Runs, begin: BeginRun) -> RunBegun:
    """What a run is told that was registered before, as `start` does."""
    run, account, ledger = begin.order.run, begin.order.config.account, runs._ledger
    if ledger.run(run) is None and account in {each.account for each in ledger.accounts()}:
        ledger.register_run(run, account, START)
    return ActivityEnvironment().run(runs.begin_run, begin)


def test_a_run_begins_once(local_runs: LocalRuns, runs: Runs, warehouse: Warehouse, fixture: CampaignFixture) -> None:
    """Accepted, with one row and one event; a retry adds neither."""
    name = f"begun-{fixture.account}"
    begin = _begin(local_runs, name)
    assert _answer(runs, begin) == _answer(runs, begin)
    assert _answer(runs, begin) == RunBegun(accepted=True, reason="")
    (row,) = warehouse.query("SELECT * FROM runs")
    assert (row["run"], row["event"], row["config_digest"]) == (name, "started", begin.order.config_digest)
    assert local_runs.store().get_document(begin.order.config_digest) == loading.canonical(begin.order.config)
    events = [e.id for e in read_events(local_runs.settings.redis_url, "", name, wait_ms=50) if e.run == name]
    assert events == [f"{name}/run.started"]


def test_a_run_begins_on_no_other_terms_than_its_first(local_runs: LocalRuns, runs: Runs) -> None:
    """Somebody starts it once more by hand with another seed or agent, or one that nobody registered: refused."""
    unknown = ActivityEnvironment().run(runs.begin_run, _begin(local_runs, "anew"))
    assert not unknown.accepted and "was ever registered" in unknown.reason
    assert _answer(runs, _begin(local_runs, "anew")).accepted
    for other in (_begin(local_runs, "anew", "seed=99"), _begin(local_runs, "anew", agent="online-lp")):
        answer = _answer(runs, other)
        assert not answer.accepted and "has begun with another agent or configuration" in answer.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (("account=nobody",), "account 'nobody' is not in the ledger"),
        (("currency=EUR",), "account emulator is in USD, the configuration in EUR"),
        (("account=acme",), "mode advisory is refused: account acme is not an emulator's"),
    ],
)
def test_a_run_that_does_not_fit_its_account_is_refused(
    local_runs: LocalRuns, runs: Runs, warehouse: Warehouse, changes: tuple[str, ...], reason: str
) -> None:
    """Unknown account, another currency, advisory on a real account: refused in a sentence, and no row begins it."""
    answer = _answer(runs, _begin(local_runs, "refused", *changes))
    assert not answer.accepted and reason in answer.reason
    assert warehouse.query("SELECT * FROM runs") == []


YEN = (
    "currency=JPY", "limits.daily=99999", "limits.campaign=99999", "limits.run=999999",
)  # fmt: skip


@pytest.mark.parametrize(
    ("account", "cap", "reason"),
    [
        ("yen", 1500, ""),
        ("yen", 7500, ""),
        ("yen", 50, "live_test.daily_cap is 50 JPY, and a live test may cost 1,500 JPY to 7,500 JPY a day"),
        ("yen", 7501, "live_test.daily_cap is 7,501 JPY"),
        ("old-yen", 5000, "more than 31 days old"),
        ("no-rate", 5000, "account no-rate is in JPY and has no rate to the dollar"),
    ],
)
def test_a_live_test_in_yen_is_as_small_as_one_in_dollars(
    local_runs: LocalRuns, runs: Runs, account: str, cap: int, reason: str
) -> None:
    """10 to 50 dollars' worth by the account's dated rate; without a rate, or with an old one, no run begins."""
    caps = (f"live_test.daily_cap={cap}", "live_test.minimum_spend=50", f"scaled.daily_cap={90 + cap}")
    answer = _answer(runs, _begin(local_runs, "yen", f"account={account}", *YEN, *caps))
    assert answer.accepted is (not reason) and reason in answer.reason


def test_a_strict_run_on_a_real_account_is_accepted(local_runs: LocalRuns, runs: Runs) -> None:
    """It is the mode that a real account refuses, not the run."""
    answer = _answer(runs, _begin(local_runs, "real", "account=acme", "mode=strict", "clock.time_scale=1"))
    assert answer.accepted, answer.reason


def test_a_configuration_that_is_not_its_digests_is_refused(
    local_runs: LocalRuns, runs: Runs, warehouse: Warehouse
) -> None:
    """A run is bound to what its digest names, to the byte."""
    answer = _answer(runs, _begin(local_runs, "forged", config_digest="0" * 64))
    assert not answer.accepted and "digest" in answer.reason
    assert warehouse.query("SELECT * FROM runs") == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            {"from_phase": "live-test"},
            "a run from phase live-test needs an agent state: name one with --from-checkpoint",
        ),
        ({"from_phase": "scaled", "from_checkpoint": ""}, "a run from phase scaled needs an agent state"),
        ({"from_phase": "historical", "from_checkpoint": "9" * 64}, f"content {'9' * 64} is not in the store"),
        ({"from_checkpoint": "9" * 64}, "the agent state to begin with cannot be read"),
        ({"from_phase": "live-test", "from_checkpoint": "../x"}, "'../x' is not a digest"),
        ({"from_phase": "live-test", "from_checkpoint": "config"}, "does not match its digest"),
    ],
)
def test_a_run_without_a_readable_agent_state_is_refused(
    local_runs: LocalRuns, runs: Runs, warehouse: Warehouse, asked: dict[str, str], reason: str
) -> None:
    """Whoever starts it by hand is told so in a sentence before anything begins: no criterion could fail by it."""
    store = local_runs.store()
    if asked.get("from_checkpoint") == "config":
        digest = store.put_arrays({"a": np.zeros(3)})
        (file,) = Path(store.url).rglob(f"{digest}*")
        file.write_bytes(b"other bytes")
        asked = {**asked, "from_checkpoint": digest}
    answer = _answer(runs, _begin(local_runs, "stateless", **asked))
    assert not answer.accepted and reason in answer.reason and "\n" not in answer.reason
    assert warehouse.query("SELECT * FROM runs") == []


@pytest.mark.parametrize(
    ("mode", "first", "rests"),
    [("strict", "historical", True), ("advisory", "historical", False), ("strict", "simulation", False)],
)
def test_a_strict_run_that_skips_phases_rests_on_the_passes_of_others(
    local_runs: LocalRuns, runs: Runs, ledger: Ledger, mode: str, first: str, rests: bool
) -> None:
    """The ledger notes it when the run begins; an advisory run rests on nobody's pass, and no more does a whole run."""
    state = local_runs.store().put_arrays({"a": np.ones(3)})
    assert _answer(runs, _begin(local_runs, "before", f"mode={mode}")).accepted
    ledger.keep_verdict("emulator", KeptVerdict("before", Phase.SIMULATION, state, "e" * 64, (), Verdict.PASS, True))
    skips = {"from_phase": first, "from_checkpoint": state} if first != "simulation" else {}
    answer = _answer(runs, _begin(local_runs, "next", f"mode={mode}", **skips))
    begun = ledger.run("next")
    assert answer.accepted and begun is not None and begun.rests_on_passes is rests, answer.reason


def test_the_end_is_recorded_once_with_the_ledgers_figure(
    local_runs: LocalRuns, fixture: CampaignFixture, warehouse: Warehouse
) -> None:
    """The spend of a result is the ledger's, whatever the workflow believed."""
    fixture.running()
    spent = fixture.settle(24).spend_micros
    runs = Runs(
        fixture.ledger,
        local_runs.store(),
        warehouse,
        open_events(local_runs.settings.redis_url, ""),
        "commit-a",
        VERSIONS,
    )
    result = RunResult(
        run=fixture.campaign.context.run, outcome=Outcome.NOT_GRADUATED, reason="so it is",
        checkpoint_digest=None, phases=(), spend_micros=1,
    )  # fmt: skip
    end = EndRun(result=result, config_digest="d" * 64, at=START)
    ended = [as_workflow(result.run).run(runs.end_run, end) for _ in range(2)]
    assert ended[0] == ended[1] and ended[0].spend_micros == spent > 0
    (row,) = warehouse.query("SELECT * FROM runs")
    assert (row["event"], row["outcome"], row["reason"], row["spend_micros"]) == (
        "ended", "not-graduated", "so it is", spent,
    )  # fmt: skip


@pytest.mark.parametrize("known", ["nothing", "another checkpoint", "another evidence", "a failure", "it"])
def test_no_run_has_passed_a_gate_that_the_ledger_does_not_know(runs: Runs, ledger: Ledger, known: str) -> None:
    """Whoever answers for the activity that judges promotes nothing: at its end the run is held against the ledger."""
    gate = GateVerdict(
        phase=Phase.SIMULATION, verdict=Verdict.PASS, criteria=(), attempt=1, alpha=0.05, checkpoint_digest="c" * 64,
        evidence_digest="e" * 64, promote=True, proven=True,
    )  # fmt: skip
    kept = KeptVerdict("run-a", gate.phase, "c" * 64, "e" * 64, (), Verdict.PASS, True)
    changes = {"another checkpoint": {"checkpoint_digest": "0" * 64}, "another evidence": {"evidence_digest": "0" * 64}}
    changes["a failure"] = {"verdict": Verdict.FAIL, "promote": False}
    if known != "nothing":
        ledger.keep_verdict("emulator", replace(kept, **changes.get(known, {})))
    phase = PhaseResult(phase=gate.phase, checkpoint_digest="c" * 64, gate=gate)
    result = RunResult(
        run="run-a", outcome=Outcome.PROMOTED, reason="so it is", checkpoint_digest="c" * 64, phases=(phase,),
        spend_micros=0,
    )  # fmt: skip
    ended = as_workflow("run-a").run(runs.end_run, EndRun(result=result, config_digest="d" * 64, at=START))
    assert ended.outcome == (Outcome.PROMOTED if known == "it" else Outcome.INTERRUPTED)
    assert known == "it" or "the gate of simulation was passed: nothing is proven" in ended.reason
    with pytest.raises(NotItsOwnWord):
        as_workflow("run-b").run(runs.end_run, EndRun(result=result, config_digest="d" * 64, at=START))


@pytest.mark.parametrize("outcome", [Outcome.GRADUATED, Outcome.PROMOTED, Outcome.STOPPED])
def test_no_run_graduates_by_a_pass_that_another_has_cost_it_meanwhile(
    runs: Runs, ledger: Ledger, outcome: Outcome
) -> None:
    """It ends not graduated, and says who failed; how it ended otherwise stays so."""
    ledger.register_run("run-a", "emulator", START)
    ledger.begin_run("run-a", BegunTerms("emulator", "mine", "d" * 64), START)
    passed = KeptVerdict("run-a", Phase.SIMULATION, "c" * 64, "e" * 64, (), Verdict.PASS, True)
    ledger.keep_verdict("emulator", passed)
    failed = KeptVerdict("run-b", Phase.HISTORICAL, "c" * 64, "e" * 64, (), Verdict.FAIL, False)
    ledger.keep_verdict("emulator", failed, lost=ledger.passed_gates("mine", "c" * 64))
    result = RunResult(
        run="run-a", outcome=outcome, reason="so it is", checkpoint_digest="c" * 64, phases=(), spend_micros=0
    )
    ended = as_workflow("run-a").run(runs.end_run, EndRun(result=result, config_digest="d" * 64, at=START))
    if outcome is Outcome.STOPPED:
        assert (ended.outcome, ended.reason) == (outcome, "so it is")
    else:
        assert ended.outcome is Outcome.NOT_GRADUATED and "run-b/historical failed" in ended.reason
