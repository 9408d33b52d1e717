"""Whoever reaches Temporal starts workflows under a run's ids: no attempt at a gate is used by that."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.testing import WorkflowEnvironment

from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.messages.phase import PhaseResult
from tests.support.local_runs import LocalRuns
from tests.support.single_phase import REGISTERED, begin_in_ledger, phase_input
from tests.workflows.conftest import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_phase_that_is_started_by_hand_is_judged_by_no_gate(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The run has begun and its historical phase does not run: one that somebody starts fails at its gate."""
    run = "forged-gate"
    account = local_runs.open_account(run)
    with local_runs.ledger() as ledger:
        ledger.register_run(run, account, REGISTERED)
    given = phase_input(local_runs, run, Phase.HISTORICAL, account, "historical.logs=[]")
    begin_in_ledger(local_runs, given)
    async with serving(environment.client, local_runs):
        handle = await environment.client.start_workflow(
            "HistoricalValidation", given, id=f"{run}/historical", task_queue=Queue.WORKFLOWS, result_type=PhaseResult
        )
        with pytest.raises(WorkflowFailureError) as failure:
            await asyncio.wait_for(handle.result(), 60)
    assert isinstance(failure.value.cause, ActivityError)
    assert "was started by hand: only forged-gate itself may have the gate" in str(failure.value.cause.cause)
    with local_runs.ledger() as ledger:
        assert ledger.verdicts(run) == ()
        assert [each for each in ledger.attempts() if each.series.account == account] == []
