"""The whole run and its gates, on the time-skipping server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from gaelp.commands.watching.snapshot import view
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Outcome, Phase
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of
from tests.support.local_runs import LocalRuns, until
from tests.workflows.conftest import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_good_agent_goes_through_all_four_phases(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """A trained agent on a small budget ends graduated-unproven, with every campaign paused and settled."""
    async with serving(environment.client, local_runs):
        with environment.with_time_skipping_disabled():  # or the clock may jump to the approval's deadline
            result = await local_runs.train(environment.client, local_runs.run_input("whole"))
    assert result.outcome is Outcome.GRADUATED_UNPROVEN, result.reason
    assert [p.phase for p in result.phases] == list(Phase)
    assert all(p.gate is not None and p.gate.promote for p in result.phases)
    assert [p.gate.proven for p in result.phases if p.gate] == [True, False, False, False]
    campaigns = local_runs.on_platform("whole")
    assert len(campaigns) == 6  # two of the live test; two products, candidate and control
    assert not any(c.enabled for c in campaigns)
    assert local_runs.unsettled("whole") == []
    assert result.spend_micros > 0


async def test_a_strict_run_can_leave_the_simulation(environment: WorkflowEnvironment, local_runs: LocalRuns) -> None:
    """Criteria 1 to 4 all pass, and the block was announced before the first episode of the exam."""
    start = local_runs.run_input("strict", "mode=strict", "simulation.rounds=4", until=Phase.SIMULATION)
    async with serving(environment.client, local_runs):
        result = await local_runs.train(environment.client, start, approve=False)
        history = await environment.client.get_workflow_handle("strict/simulation").fetch_history()
        seen = await view(environment.client, "strict")
    assert result.outcome is Outcome.PROMOTED, result.reason
    gate = result.phases[0].gate
    assert gate is not None and gate.proven
    assert [(c.id, c.verdict) for c in gate.criteria] == [(id, Verdict.PASS) for id in ("1", "2", "3", "4", "15")]
    assert seen.phases[0].criteria == gate.criteria
    assert "the checkpoint with which it entered the phase" in gate.criteria[2].reason
    assert re.search(r"incumbent [01]\.\d\d, best simple rule 0\.\d\d \([a-z-]+\), agent", gate.criteria[0].reason)
    events = [str(event) for event in history.events]
    announced = next(n for n, event in enumerate(events) if "block_episodes" in event)
    played = [n for n, event in enumerate(events) if re.search(r"(exam|block) batch(es)? 0", event)]
    assert played and announced < min(played)
    batches = [event for event in events if "exam batch" in event and "anchor_checkpoint_digest" in event]
    anchors = {
        digest for event in batches for digest in re.findall(r"anchor_checkpoint_digest\W+([0-9a-f]{64})", event)
    }
    assert len(batches) >= 4 and len(anchors) == 1, "each batch of the looks is played by the entry checkpoint too"


async def test_a_poor_agent_is_refused_in_simulation(environment: WorkflowEnvironment, local_runs: LocalRuns) -> None:
    """An agent that shows every creative alike fails criterion 1 and never asks for money."""
    async with serving(environment.client, local_runs):
        result = await local_runs.train(
            environment.client,
            local_runs.run_input("poor", "simulation.audit=reported", "simulation.days=2", agent="uniform"),
            approve=False,
        )
    assert result.outcome is Outcome.NOT_GRADUATED
    assert [p.phase for p in result.phases] == [Phase.SIMULATION]
    gate = result.phases[0].gate
    assert gate is not None
    assert next(c for c in gate.criteria if c.id == "1").verdict is Verdict.FAIL
    assert next(c for c in gate.criteria if c.id == "4").label == "INCONCLUSIVE (not assessed)"  # no block was played
    traps = next(c for c in gate.criteria if c.id == "15")
    assert traps.verdict is Verdict.PASS, "no trap is required here, and the row only reports"
    assert "Fell into average-cost" in traps.reason and "Avoided immature-days" in traps.reason
    audit = next(c for c in gate.criteria if c.id == "16")
    assert audit.verdict is Verdict.PASS and audit.reason.startswith("There is no gain over the incumbent to keep")
    assert audit.reason.endswith("It is not required here.")
    assert local_runs.on_platform("poor") == []


async def test_silence_until_the_deadline_is_a_refusal(environment: WorkflowEnvironment, local_runs: LocalRuns) -> None:
    """Without an approval nothing is created on the platform and the run ends not graduated."""
    start = local_runs.run_input(
        "silent", "approval.deadline_hours=0.002"
    )  # an hour that is skipped costs half a minute
    async with serving(environment.client, local_runs):
        result = await local_runs.train(environment.client, start, approve=False)
    assert result.outcome is Outcome.NOT_GRADUATED
    assert "silence is a refusal" in result.reason
    assert local_runs.on_platform("silent") == []


async def test_a_flipped_byte_in_a_checkpoint_is_refused_by_name(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """A run from a checkpoint whose file was changed fails, naming the digest."""
    async with serving(environment.client, local_runs):
        start = local_runs.run_input("sound", until=Phase.SIMULATION)
        first = await local_runs.train(environment.client, start, approve=False)
    digest = first.checkpoint_digest
    assert digest is not None
    path = next((local_runs.stack.home / "store").rglob(f"{digest}.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    async with serving(environment.client, local_runs):
        changed = local_runs.run_input("flipped", from_checkpoint=digest)
        with pytest.raises(WorkflowFailureError) as failure:
            await local_runs.train(environment.client, changed, approve=False)
    assert digest in str(_innermost(failure.value))


async def test_a_poison_batch_is_set_aside_up_to_the_limit(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """An agent whose decisions are invalid fails its batches with its name, and the phase fails beyond the limit."""
    start = local_runs.run_input("poison", "simulation.failed_batches=0", agent="no-such-agent")
    async with serving(environment.client, local_runs):
        with pytest.raises(WorkflowFailureError) as failure:
            await local_runs.train(environment.client, start, approve=False)
    assert "no-such-agent" in str(_innermost(failure.value))


ONE_WRONG = """
from dataclasses import replace
import numpy as np
from gaelp.agents.policies.baselines import LinearBid

class OneWrong(LinearBid):
    name = "one-wrong"

    def act(self, *given):
        decision, memory = super().act(*given)
        bid = np.array(decision.bid_micros, np.float64)
        bid[0] = np.nan
        return replace(decision, bid_micros=bid), memory
"""


async def test_bad_episodes_are_set_aside_up_to_the_limit(
    environment: WorkflowEnvironment, local_runs: LocalRuns, installed: Callable[..., Path]
) -> None:
    """One bad episode in each batch leaves the batch standing; the phase fails beyond the limit, and says by whom."""
    installed({"one_wrong": ONE_WRONG}, project_of("agents", **{"one-wrong": "one_wrong:OneWrong"}))
    start = local_runs.run_input(
        "wrong", "simulation.failed_batches=0", "simulation.failed_episodes=3", agent="one-wrong"
    )
    async with serving(environment.client, local_runs):
        with pytest.raises(WorkflowFailureError) as failure:
            await local_runs.train(environment.client, start, approve=False)
    told = str(_innermost(failure.value))
    limit = "4 episodes failed, more than simulation.failed_episodes (3) allows"
    assert f"{limit}: agent 'one-wrong' at step 0: bid_micros" in told and told.count("one-wrong") == 1
    assert not _attempts(local_runs, "wrong"), "a run that never came to its exam uses no attempt"


async def test_the_share_of_the_gain_that_rests_on_ratings_is_told(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """With personas the exam is repeated with their ratings permuted, and criterion 1 says what rests on them."""
    start = local_runs.run_input("panel", "personas.source=recorded", "historical.logs=[]", until=Phase.SIMULATION)
    async with serving(environment.client, local_runs):
        result = await local_runs.train(environment.client, start, approve=False)
    gate = result.phases[0].gate
    assert gate is not None
    assert "of the gain rests on the personas' ratings" in next(c for c in gate.criteria if c.id == "1").reason
    assert not any("ratings" in c.reason for c in gate.criteria if c.id != "1")
    assert "panel/simulation" in _attempts(local_runs, "panel")


async def test_a_stop_ends_the_run_with_campaigns_paused_and_settled(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The stop signal reaches the open campaign through run and phase."""
    client = environment.client
    start = local_runs.run_input("halted", "live_test.days=30", "live_test.campaigns=3")
    async with serving(client, local_runs):
        with environment.with_time_skipping_disabled():
            running = asyncio.create_task(local_runs.train(client, start))
            await until(lambda: any(c.enabled for c in local_runs.on_platform("halted")), "a campaign is enabled")
            await client.get_workflow_handle("halted").signal("stop")
            result = await running
    assert result.outcome is Outcome.STOPPED
    assert not any(c.enabled for c in local_runs.on_platform("halted"))
    assert local_runs.unsettled("halted") == []


async def test_a_phase_that_continued_as_new_is_cancelled_cleanly(
    environment: WorkflowEnvironment, local_runs: LocalRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With campaigns enabled and the phase continued as new, a cancelled run leaves all paused and settled."""
    from temporalio import workflow

    client = environment.client
    start = local_runs.run_input("renewed", "live_test.days=60", "live_test.campaigns=2")
    monkeypatch.setattr(
        workflow.Info, "is_continue_as_new_suggested", lambda info: info.get_current_history_length() > 40
    )
    async with serving(client, local_runs):
        with environment.with_time_skipping_disabled():
            running = asyncio.create_task(local_runs.train(client, start))
            phase = client.get_workflow_handle("renewed/live-test")
            await until(lambda: any(c.enabled for c in local_runs.on_platform("renewed")), "a campaign is enabled")
            description = await phase.describe()
            first_run = description.raw_description.workflow_execution_info.first_run_id
            await client.get_workflow_handle("renewed").cancel()
            with pytest.raises(WorkflowFailureError):
                await running
    assert first_run != description.run_id, "the phase did not continue as new"
    assert not any(c.enabled for c in local_runs.on_platform("renewed"))
    assert local_runs.unsettled("renewed") == []


def _attempts(local_runs: LocalRuns, run: str) -> list[str]:
    with local_runs.ledger() as ledger:
        return [entry.key for entry in ledger.journal(kinds=("attempt",)) if entry.key.startswith(f"{run}/")]


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
