"""Signals of any shape: whatever is sent to whichever workflow, no workflow task fails and nothing changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import RawValue
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Worker

from activities.records.campaign_looks import CampaignLooks
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.ids import batch_id, phase_id, replay_id
from gaelp.domain.phases import Outcome, Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.domain.temporal_names import Queue
from gaelp.messages.emergency_stop import StopAccount
from gaelp.messages.episode_batch import SimulateBatches
from gaelp.messages.log_replay import ReplayInput
from gaelp.messages.spending_phase import CampaignsEvidence, CampaignStanding, LookAtCampaigns
from tests.support.campaign_fixture import planned
from tests.support.local_runs import LOG, LocalRuns, until
from tests.support.single_phase import SHORT, begin, details, journal, phase_input
from tests.workflows.conftest import serving
from worker import make_worker, served_workflows

pytestmark = pytest.mark.asyncio(loop_scope="session")
HELD = {"pause", "resume", "stop"}  # signals without an input
LOOK = "look"  # neither has this one, which changes nothing by itself
SPENDING = {*HELD, LOOK, "approve", "reject", "settled", "reached"}
TAKES = {
    "TrainingRun": {*HELD, LOOK},
    "SimulationTraining": HELD,
    "HistoricalValidation": HELD,
    "LiveTest": SPENDING,
    "ScaledDeployment": SPENDING,
    "LiveCampaign": {*HELD, "proceed"},
    "EpisodeBatch": set(),
    "LogReplay": set(),
    "EmergencyStop": set(),
    "Reaper": set(),
}


def _json(data: bytes) -> RawValue:
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


# What may arrive, by what is odd about it. No signal of ours takes any of these but `none`.
SHAPES: dict[str, list[RawValue]] = {
    "none": [],
    "text": [_json(b'"now"')],
    "two": [_json(b'"a"'), _json(b'"b"')],
    "five": [_json(b"1")] * 5,
    "null": [_json(b"null")],
    "number": [_json(b"-7.5")],
    "list": [_json(b"[]")],
    "object": [_json(b'{"stopped": true}')],
    "no JSON": [_json(b"{")],
    "lone surrogate": [_json(b'"\\ud800"')],
    "half a character": [_json(b'"\xed\xa0\x80"')],
    "nesting of 150": [_json(b"[" * 150 + b"]" * 150)],
    "nesting of 198": [_json(b"[" * 198 + b"]" * 198)],
    "nesting of 1,000": [_json(b"[" * 1000 + b"]" * 1000)],
    "integer of 6,000 digits": [_json(b"9" * 6000)],
    "integer of 4,000 digits in an object": [_json(b'{"key_id": ' + b"9" * 4000 + b"}")],
    "1 MB": [_json(b'"' + b"x" * 1_000_000 + b'"')],
    "unknown encoding": [RawValue(Payload(metadata={"encoding": b"binary/odd"}, data=b"x"))],
    "no encoding": [RawValue(Payload(data=b"x"))],
}
SEEN_BY_LEDGER = {"approve", "reject"}


async def _metadata(handle: WorkflowHandle[Any, Any]) -> WorkflowMetadata:
    found: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return found


def _started(local_runs: LocalRuns, kind: str) -> tuple[str, list[Any]]:
    """Workflow id and inputs of a workflow of that type."""
    run = f"besieged-{kind.lower()}"
    if kind == "Reaper":
        return run, []
    if kind == "EmergencyStop":
        return run, [StopAccount(account="emulator", reason="prices look wrong", by="Ada", at=datetime.now(UTC))]
    if kind == "TrainingRun":
        return run, [local_runs.run_input(run)]
    given = {phase: phase_input(local_runs, run, phase, "emulator") for phase in Phase}
    context = given[Phase.SIMULATION].context
    campaign = planned("emulator", local_runs.config(), context.market_digest)
    batch = SimulateBatches(context=context, indices=(0,), purpose=BatchPurpose.TRAIN)
    inputs = {
        "SimulationTraining": (phase_id(run, Phase.SIMULATION), given[Phase.SIMULATION]),
        "HistoricalValidation": (phase_id(run, Phase.HISTORICAL), given[Phase.HISTORICAL]),
        "LiveTest": (phase_id(run, Phase.LIVE_TEST), given[Phase.LIVE_TEST]),
        "ScaledDeployment": (phase_id(run, Phase.SCALED), given[Phase.SCALED]),
        "LiveCampaign": (f"{run}/live-test/campaign-00", campaign),
        "EpisodeBatch": (batch_id(run, Phase.SIMULATION, 0), batch),
        "LogReplay": (replay_id(run, LOG), ReplayInput(context=context, log=LOG)),
    }
    name, single = inputs[kind]
    return name, [single]


@pytest.mark.parametrize("kind", sorted(TAKES))
async def test_a_signal_of_any_shape_changes_nothing_and_is_shown(
    environment: WorkflowEnvironment, local_runs: LocalRuns, kind: str
) -> None:
    """Every signal of every workflow, in every shape: counted and shown as refused, and no workflow task fails."""
    client = environment.client
    # Nothing serves the activities, so each workflow waits at its first one for as long as the test lasts.
    queue = f"besieged-{kind}"
    served = [*served_workflows(Queue.WORKFLOWS), *served_workflows(Queue.STOP)]
    async with Worker(client, task_queue=queue, workflows=served, max_cached_workflows=100):
        name, given = _started(local_runs, kind)
        with environment.with_time_skipping_disabled():
            handle = await client.start_workflow(kind, args=given, id=name, task_queue=queue)
        before = (await _metadata(handle)).current_details
        sent = 0
        for signal in sorted({*TAKES[kind], "unheard-of"} - SEEN_BY_LEDGER):
            for shape, inputs in SHAPES.items():
                if not (shape == "none" and signal in {*HELD, LOOK}):
                    await handle.signal(signal, args=inputs)
                    sent += 1
        after = await _metadata(handle)
        history = await handle.fetch_history()
        await handle.terminate()
    kinds = [event.event_type for event in history.events]
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
    scheduled = [e.activity_task_scheduled_event_attributes.activity_type.name for e in history.events]
    # Its own first one, and one for all refusals: the journal's next row waits until this one is written.
    assert sorted(name == "note_refused_signals" for name in scheduled if name) == [False, True]
    assert after.current_details.startswith(f"{before}\n\n{sent} signals were refused" if before else f"{sent} signals")
    assert "SHA-256" in after.current_details and len(after.current_details) < len(before) + 2000
    shown = {signal.name: signal.description for signal in after.definition.signal_definitions}
    assert set(shown) == TAKES[kind] and all(shown.values())


async def test_a_decision_of_any_shape_is_refused_in_the_journal_and_a_stop_gets_through(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Each approval and rejection of any shape is a refusal in the journal; then `stop` ends the phase as ever."""
    client, run = environment.client, "battered"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        await until(lambda: journal(local_runs, "request", f"{run}/live-test#1"), "the request is open")
        for signal in sorted(SEEN_BY_LEDGER):
            for inputs in SHAPES.values():
                await handle.signal(signal, args=inputs)
        sent = len(SEEN_BY_LEDGER) * len(SHAPES)
        refused = await until(
            lambda: len(entries := journal(local_runs, "refuse", f"{run}/live-test#1")) == sent and entries,
            "every signal is refused",
        )
        told = await details(handle)
        await handle.signal("stop")
        result = await asyncio.wait_for(handle.result(), 30)
        history = await handle.fetch_history()
    assert result.ended is Outcome.STOPPED
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in [event.event_type for event in history.events]
    assert max(len(entry.detail) for entry in refused) < 6000
    assert "refused: signal reject: its input cannot be read (1 input, 1 bytes, SHA-256 " in told


async def test_two_inputs_for_a_campaign_do_not_deafen_it_to_a_stop(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """`proceed` with two inputs is refused, and the pause and the stop of the phase still reach the campaign."""
    client, run = environment.client, "doubled"
    long: Mapping[str, int] = {"live_test.campaigns": 1, "live_test.streak": 1, "live_test.days": 14}
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *(f"{name}={value}" for name, value in long.items()))
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await until(lambda: any(c.enabled for c in local_runs.on_platform(run, run)), "the campaign is enabled")
        campaign = client.get_workflow_handle(f"{run}/live-test/campaign-00")
        await campaign.signal("proceed", args=["a", "b"])
        await handle.signal("approve", args=["a", "b"])
        await handle.signal("stop")
        result = await asyncio.wait_for(handle.result(), 60)
        told = await details(campaign)
    assert result.ended is Outcome.STOPPED and result.reason == "stopped by a person"
    assert "signal proceed refused: one input is expected" in told
    assert local_runs.leftovers(run, run) == []


async def test_signals_that_are_refused_are_in_the_journal(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Every refused signal is counted in a row about its workflow, with the reasons of the last and no content."""
    client, run = environment.client, "written-down"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        await until(lambda: journal(local_runs, "request", f"{run}/live-test#1"), "the request is open")
        for number in range(12):
            await handle.signal("pause" if number % 2 else "unheard-of", "secret")
        rows = await until(
            lambda: sum(_noted(rows := journal(local_runs, "refuse-signal", handle.id))) == 12 and rows,
            "twelve refusals are noted",
        )
        await handle.signal("stop")
        assert (await handle.result()).ended is Outcome.STOPPED
    said = [reason for row in rows for reason in json.loads(row.detail)["reasons"]]
    assert {row.run for row in rows} == {run}
    assert any("signal pause refused: no input is expected" in reason for reason in said)
    assert any("signal unheard-of refused: this workflow takes no such signal" in reason for reason in said)
    assert not any("secret" in reason for reason in said)


def _noted(rows: list[JournalEntry]) -> list[int]:
    return [json.loads(row.detail)["signals"] for row in rows]


def _invented(campaign: str, now: datetime) -> CampaignResult:
    """The best campaign there ever was."""
    days = tuple(
        DayReport(
            day=(now + timedelta(days=n)).date(), impressions=100_000, clicks=5000, conversions=500,
            cost_micros=1_000_000, served_micros=1_000_000, revenue_micros=10**11, final=True, matured=True,
        )
        for n in range(14)
    )  # fmt: skip
    return CampaignResult(
        campaign=campaign, index=0, product="product-a", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED, days=days,
        spend_micros=14_000_000, planned_micros=14_000_000, actions=1000, near_misses=0,
    )  # fmt: skip


async def test_a_forged_ending_is_neither_believed_nor_judged(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """`settled` with invented days is refused, and one that only names the campaign makes the phase look: it goes on.

    The gate's evidence is what the campaign itself reports, and it costs what the ledger says.
    """
    client, run = environment.client, "forged"
    changes = ("live_test.campaigns=1", "live_test.streak=1", "live_test.days=5")
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *changes)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await until(lambda: any(c.enabled for c in local_runs.on_platform(run, run)), "the campaign is enabled")
        name = f"{run}/live-test/campaign-00"
        await client.get_workflow_handle(name).signal("pause")
        await handle.signal("settled", _invented(name, datetime.now(UTC)))
        await handle.signal("settled", {"campaign": name})
        await handle.signal("reached", {"campaign": name})
        await handle.signal("settled", {"campaign": f"{run}/live-test/campaign-07"})
        while (await _metadata(handle)).current_details.count("refused: ") < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        assert (await handle.describe()).close_time is None, "the phase believes it"
        await client.get_workflow_handle(name).signal("resume")
        result = await asyncio.wait_for(handle.result(), 60)
        told = await details(handle)
    assert "its input cannot be read" in told and "it names no open campaign of this phase" in told
    assert result.gate is not None and result.episodes == 1
    evidence = CampaignsEvidence.model_validate(local_runs.store().get_document(result.gate.evidence_digest))
    (campaign,) = evidence.campaigns
    with local_runs.ledger() as ledger:
        booked = ledger.reservations(run, run)
        (kept,) = ledger.campaign_results(f"{run}/live-test")
    assert campaign == kept, "the campaign's own report"
    assert {d.day: d.cost_micros for d in campaign.days} == {r.day: r.final_micros for r in booked}
    assert result.spend_micros == sum(r.final_micros or 0 for r in booked) == campaign.spend_micros
    assert local_runs.leftovers(run, run) == []


async def test_a_terminated_campaign_is_paused_and_fails_its_phase(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """It has no result and sends no signal: the phase sees that it is closed, pauses it and says so."""
    client, run = environment.client, "beheaded"
    changes = ("live_test.campaigns=1", "live_test.streak=1", "live_test.days=14")
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *changes)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await until(lambda: any(c.enabled for c in local_runs.on_platform(run, run)), "the campaign is enabled")
        campaign = client.get_workflow_handle(f"{run}/live-test/campaign-00")
        await campaign.terminate()
        with pytest.raises(WorkflowFailureError) as failure:
            await asyncio.wait_for(handle.result(), 60)
    assert "ended without a result" in str(failure.value.cause)
    assert not any(c.enabled for c in local_runs.on_platform(run, run))


async def test_a_campaign_started_by_hand_is_not_the_phases_own(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """What runs under a campaign's id and has no parent counts as an ending without a result."""
    client = environment.client
    async with make_worker(client, local_runs.settings, Queue.WORKFLOWS, max_cached_workflows=100):
        name, given = _started(local_runs, "LiveCampaign")
        with environment.with_time_skipping_disabled():
            handle = await client.start_workflow(
                "LiveCampaign", args=given, id=f"{name}-by-hand", task_queue=Queue.WORKFLOWS
            )
        asked = LookAtCampaigns(phase_workflow=name.rsplit("/", 1)[0], campaigns=(handle.id, "run/never-started"))
        look = await ActivityEnvironment(client=client).run(CampaignLooks().look_at_campaigns, asked)
        await handle.terminate()
    assert look.standings == (CampaignStanding(campaign=handle.id, closed=True),)
