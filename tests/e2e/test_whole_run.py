"""What a person sees of a whole run: by command, by plain Temporal, and in the books."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from gaelp.commands.watching.snapshot import view
from gaelp.domain.monitoring.ladder import LadderStep
from gaelp.domain.phases import Outcome, Phase
from tests.support.local_runs import LocalRuns
from tests.support.undisturbed_run import NAME, Undisturbed

TYPES = {
    "TrainingRun",
    "SimulationTraining",
    "HistoricalValidation",
    "LiveTest",
    "ScaledDeployment",
    "EpisodeBatch",
    "LogReplay",
    "LiveCampaign",
}


def test_a_run_graduates_unproven_with_its_books_in_order(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """Started and approved by command, it ends with exit code 0, all campaigns paused and settled."""
    result = undisturbed.result
    assert (undisturbed.ended.code, result.outcome) == (0, Outcome.GRADUATED_UNPROVEN), undisturbed.ended.output
    assert [phase.phase for phase in result.phases] == list(Phase)
    assert len(local_runs.on_platform(NAME, NAME)) == 6  # two of the live test; two products, candidate and control
    assert local_runs.leftovers(NAME, NAME) == []
    with local_runs.ledger() as ledger:
        assert result.spend_micros == ledger.spent(NAME) > 0


def test_monitoring_holds_nothing_of_a_healthy_run(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """Over all days of both spending phases it takes no step but notes, and says so in the report's document."""
    shown = local_runs.starter("report", NAME, "--json", "--output", str(local_runs.stack.home / "monitored"))
    assert shown.code == 0, shown.output
    with local_runs.ledger() as ledger:
        days, steps = ledger.reported_days(NAME), ledger.steps_of_run(NAME)
    assert len(days) == 6 and min(len(of_campaign) for of_campaign in days.values()) > 1
    assert [step for step in steps if step.step is not LadderStep.NOTE] == []
    assert [step["key"] for step in shown.json["steps"]] == [step.key for step in steps]


def test_both_ways_to_approve_work(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """A printed decision sent by the temporal program, and the approve command, each let a phase through."""
    printed, signalled, approved = undisturbed.printed, undisturbed.signalled, undisturbed.approved
    assert (printed.code, printed.json["decision"]) == (0, "approve"), printed.output
    assert signalled.code == 0, signalled.output
    assert (approved.code, approved.json["state"]) == (0, "approved"), approved.output
    with local_runs.ledger() as ledger:
        accepted = [entry for entry in ledger.journal(limit=100_000) if entry.kind == "approve" and entry.run == NAME]
    assert [entry.key for entry in accepted] == [f"{NAME}/live-test#1", f"{NAME}/scaled#1"]


def test_temporal_lists_the_products_own_words(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """`temporal workflow list` shows the workflow types of the design, and nothing else."""
    listed = local_runs.temporal("workflow", "list", "--query", f"WorkflowId STARTS_WITH '{NAME}'", "--output", "json")
    assert listed.code == 0, listed.output
    assert {each["type"]["name"] for each in listed.json} == TYPES


def test_no_history_of_a_run_is_long(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """`temporal workflow show` of the run and of each phase has under 1,000 events."""
    for workflow in (NAME, *(f"{NAME}/{phase}" for phase in Phase)):
        shown = local_runs.temporal("workflow", "show", "--workflow-id", workflow, "--output", "json")
        assert shown.code == 0, shown.output
        assert 10 < len(shown.json["events"]) < 1000, workflow


@pytest.mark.asyncio(loop_scope="session")
async def test_a_taken_name_is_refused_and_nothing_overwritten(
    local_runs: LocalRuns, client: Client, undisturbed: Undisturbed
) -> None:
    """Starting again under the name is exit code 1 and a sentence; run, books and rows stay as they were."""
    before = await _everything(local_runs, client)
    again = await asyncio.to_thread(local_runs.start, NAME, "seed=8", f"account={NAME}")
    assert (again.code, "taken" in again.json["error"]) == (1, True), again.output
    assert await _everything(local_runs, client) == before


async def _everything(local_runs: LocalRuns, client: Client) -> tuple[object, ...]:
    description = await client.get_workflow_handle(NAME).describe()
    rows = (local_runs.stack.home / "warehouse").rglob(f"{NAME}-*.parquet")
    files = {str(path): path.stat().st_mtime_ns for path in rows}
    assert files, "the warehouse has no rows of the run"
    with local_runs.ledger() as ledger:
        journal = [entry for entry in ledger.journal(limit=100_000) if NAME in (entry.run, entry.account)]
    return description.run_id, await view(client, NAME), files, journal, local_runs.on_platform(NAME, NAME)
