"""Pause, resume, cancel, and a platform that fails: what is held is held on the platform, and nothing is left over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.live import claiming
from gaelp.commands.console import Refused
from gaelp.commands.watching.progress import follow, headline
from gaelp.commands.watching.snapshot import view
from gaelp.domain.phases import Outcome, Phase, Status
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.ledger_records import AttemptSeries
from gaelp.evidence.monitoring import silent_days
from gaelp.ledger.booked_evidence import with_kept_decisions
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.local_runs import SAME_DAYS, LocalRuns, until
from tests.support.single_phase import SHORT, begin, begin_run, details, late_run, until_details
from tests.workflows.conftest import serving
from workflows.campaigns import campaign_life
from workflows.details import STATUS

pytestmark = pytest.mark.asyncio(loop_scope="session")
LONG = ("live_test.campaigns=1", "live_test.streak=1", "live_test.days=14")
HOURLY = ("clock.tick_hours=1", SAME_DAYS)
LOSING = ("agent=fixed-bid", "scaled.products=['product-a']", "scaled.periods=2", "scaled.period_days=8")


@pytest.fixture
def barren(local_runs: LocalRuns, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody buys, so that evidence of a loss comes soon; no silent tag is suspected, which would hold the budgets."""
    monkeypatch.setattr(silent_days, "SHORTEST", 100)
    local_runs.control("PUT", "/conversion-factor", json={"factor": 0.0})
    yield
    local_runs.control("PUT", "/conversion-factor", json={"factor": 1.0})


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim of unknown outcome is read back at once: the emulator that answered with an error is done with it."""
    monkeypatch.setattr(claiming, "CLIENT_TOTAL_SECONDS", 0.0)


async def _enabled(local_runs: LocalRuns, run: str, wanted: bool) -> None:
    await until(
        lambda: (found := local_runs.on_platform(run, run)) and all(c.enabled is wanted for c in found),
        f"the campaigns of {run} are {'enabled' if wanted else 'paused'}",
    )


async def _status(handle: WorkflowHandle[Any, Any], wanted: Status) -> None:
    """Wait until the search attribute says so."""
    for _ in range(600):
        if (await handle.describe()).typed_search_attributes.get(STATUS) == wanted:
            return
    raise AssertionError(f"{handle.id} is never {wanted}")


def _scheduled(history: Any, activity: str) -> int:
    return len(
        [
            event
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == activity
        ]
    )


def _ticks(history: Any) -> int:
    """How many decisions were to be applied."""
    return _scheduled(history, "apply") + _scheduled(history, "apply_and_observe")


# ---------------------------------------------------------------- pause, resume, cancel


async def test_a_pause_of_the_run_pauses_its_campaign_on_the_platform(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Told to the run, heard by the campaign: paused where the money is, no tick meanwhile, and it ends after all."""
    client, run = environment.client, "held"
    account = local_runs.open_account(run)
    start = late_run(local_runs, run, f"account={account}", *LONG)
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await _enabled(local_runs, run, True)
        await handle.signal("pause")
        await _enabled(local_runs, run, False)
        campaign = client.get_workflow_handle(f"{run}/live-test/campaign-00")
        await _status(campaign, Status.PAUSED)
        held = await campaign.fetch_history()
        await handle.signal("pause")  # a second one changes nothing
        await campaign.signal("pause")
        still = await campaign.fetch_history()
        assert _ticks(still) == _ticks(held) < 14
        assert not any(c.enabled for c in local_runs.on_platform(run, account))
        await handle.signal("resume")
        phase = client.get_workflow_handle(f"{run}/live-test")
        assert (await phase.result())["episodes"] == 1
        assert _ticks(await campaign.fetch_history()) > _ticks(held), "nothing was applied after the resume"
        await handle.signal("stop")
        result = await handle.result()
    assert result.phases[0].gate is not None
    assert result.outcome in (Outcome.STOPPED, Outcome.NOT_GRADUATED)
    assert local_runs.leftovers(run, account) == []


async def test_a_paused_campaign_can_be_stopped(environment: WorkflowEnvironment, local_runs: LocalRuns) -> None:
    """A stop releases a pause: the campaign is settled and the phase says that it was stopped."""
    client, run = environment.client, "held-stopped"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *LONG)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await _enabled(local_runs, run, True)
        await handle.signal("pause")
        await _enabled(local_runs, run, False)
        await handle.signal("stop")
        result = await handle.result()
    assert result.ended is Outcome.STOPPED
    assert local_runs.leftovers(run, run) == []


async def test_a_pause_in_simulation_holds_the_next_round_until_it_is_resumed(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """No batch of a later round begins while paused; after the resume the phase comes to its gate."""
    client, run = environment.client, "held-simulation"
    start = local_runs.run_input(run, "simulation.rounds=4", "simulation.batches_per_round=1", agent="uniform")
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        phase = client.get_workflow_handle(f"{run}/simulation")
        await handle.signal("pause")
        await _status(handle, Status.PAUSED)
        await until_started(phase)
        await _status(phase, Status.PAUSED)
        rounds = _scheduled(await phase.fetch_history(), "record_batches")
        assert rounds < 4
        await handle.signal("resume")
        result = await handle.result()
        history = await phase.fetch_history()
    assert _scheduled(history, "record_batches") >= 4 + 1  # every round, and at least one look at the exam
    assert result.outcome is Outcome.NOT_GRADUATED and result.phases[0].gate is not None


async def until_started(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until the workflow is there."""
    for _ in range(600):
        try:
            await handle.describe()
        except RPCError:
            continue
        return
    raise AssertionError(f"{handle.id} never began")


async def test_a_run_cancelled_in_simulation_is_recorded_as_ended(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """It ends cancelled, and the warehouse says so in one row: stopped, because it was cancelled."""
    client, run = environment.client, "cancelled"
    start = local_runs.run_input(run, "simulation.rounds=50", "simulation.batches_per_round=1")
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        phase = client.get_workflow_handle(f"{run}/simulation")
        await until_started(phase)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
        assert isinstance(failure.value.cause, CancelledError)
        with pytest.raises(WorkflowFailureError):
            await phase.result()  # cancelled as it began, it may end a moment after its run
        ended = (await phase.describe()).status
    assert ended is not None and ended.name == "CANCELED"
    rows = _rows(
        local_runs, "SELECT event, outcome, reason, spend_micros FROM runs WHERE run = @run ORDER BY event", run
    )
    assert [row["event"] for row in rows] == ["ended", "started"]
    assert (rows[0]["outcome"], rows[0]["reason"], rows[0]["spend_micros"]) == ("stopped", "cancelled", 0)


# ---------------------------------------------------------------- a platform that fails


def _faults(local_runs: LocalRuns, account: str, *faults: tuple[str, str, int]) -> None:
    for verb, kind, calls in faults:
        local_runs.control("POST", "/faults", json={"verb": verb, "kind": kind, "calls": calls, "account": account})


@pytest.mark.usefixtures("patient")
async def test_a_platform_that_fails_now_and_then_changes_nothing_of_the_end(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Errors before and after create, settings and enable, and an answer that never comes: one campaign each."""
    client, run = environment.client, "shaken"
    two = ("live_test.campaigns=2", "live_test.streak=2", "live_test.days=1")
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *two)
        _faults(
            local_runs, run, ("create", "error-before", 1), ("create", "error-after", 1),
            ("delivery", "error-after", 1), ("enable", "error-before", 1), ("enable", "error-after", 1),
        )  # fmt: skip
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await until(lambda: len(local_runs.on_platform(run, run)) == 1, "the first campaign is there")
        _faults(
            local_runs, run, ("create", "hang-after", 1), ("report", "error-before", 1), ("pause", "error-after", 1)
        )
        result = await handle.result()
    assert result.gate is not None and result.episodes == 2
    names = sorted(c.external_name for c in local_runs.on_platform(run, run))
    assert names == [f"{run}/live-test/campaign-00", f"{run}/live-test/campaign-01"]
    assert local_runs.leftovers(run, run) == []


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no time passes, a tick whose platform is away waits half a second for it."""
    monkeypatch.setattr(campaign_life, "PATIENCE_WITHOUT_TIME", timedelta(seconds=0.5))


@pytest.mark.usefixtures("patient", "hasty")
async def test_a_platform_that_keeps_failing_leaves_the_campaign_paused_and_settled(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Its only tick is missed: paused and settled, it says that something else than its agent ended it."""
    client, run = environment.client, "broken"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        _faults(local_runs, run, ("enable", "error-before", 50))
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        result = await handle.result()
        local_runs.control("DELETE", "/faults")
    ended = _campaign_result(local_runs, run)
    assert (ended.state, ended.spend_micros, ended.missed_ticks) == ("settled", 0, 1)
    assert "every tick was missed" in ended.interruption
    assert (result.ended, result.gate) == (Outcome.INTERRUPTED, None)
    assert "every tick was missed" in result.reason and "\n" not in result.reason
    assert _attempts(local_runs, run) == 0
    assert local_runs.leftovers(run, run) == []


async def test_a_refused_launch_is_no_verdict_on_the_agent(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The owner lowered the cap after the approval: interrupted with the ledger's reason, no gate and no attempt."""
    client, run = environment.client, "unlaunched"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        await until(lambda: local_runs.signed(run, Phase.LIVE_TEST), "the request is open")
        with local_runs.ledger() as ledger:
            ledger.put_account(ledger.account(run).model_copy(update={"daily_cap_micros": 1}))
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        result = await handle.result()
    assert (result.ended, result.gate, result.spend_micros) == (Outcome.INTERRUPTED, None, 0)
    assert f"{run}/live-test/campaign-00: " in result.reason and "cap" in result.reason
    assert _attempts(local_runs, run) == 0
    assert local_runs.on_platform(run, run) == []


def _attempts(local_runs: LocalRuns, account: str) -> int:
    """How many attempts at the live test's gate an account of its own has used."""
    config = local_runs.config()
    series = AttemptSeries(account=account, product=config.product, agent=config.agent, gate=Phase.LIVE_TEST)
    with local_runs.ledger() as ledger:
        return ledger.next_attempt(series, "the test asks") - 1


@pytest.mark.usefixtures("patient", "hasty")
async def test_ten_hours_without_the_platform_end_as_an_undisturbed_test(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Hourly ticks, ten of them without an answer: the same attempt, verdict and ending, no FAIL, and ten marks."""
    client = environment.client
    hourly = ("live_test.campaigns=1", "live_test.streak=1", "live_test.days=2", *HOURLY)
    found = {}
    async with serving(client, local_runs):
        for run in ("calm", "cut-off"):
            handle = await begin(environment, local_runs, run, *hourly)
            await local_runs.approve(client, run, (Phase.LIVE_TEST,))
            if run == "cut-off":
                await _enabled(local_runs, run, True)
                await _cut_off(local_runs, client, run, ticks=10)
            found[run] = (await handle.result(), _campaign_result(local_runs, run))
    (calm, whole), (cut, part) = found["calm"], found["cut-off"]
    assert calm.gate is not None and cut.gate is not None
    assert (cut.gate.attempt, cut.gate.verdict, cut.ended) == (calm.gate.attempt, calm.gate.verdict, calm.ended)
    assert [c.verdict for c in cut.gate.criteria] == [c.verdict for c in calm.gate.criteria]
    assert not [c.id for c in cut.gate.criteria if c.verdict == "FAIL"]
    assert (whole.missed_ticks, whole.actions) == (0, 48)
    assert part.missed_ticks >= 10 and part.actions == 48 - part.missed_ticks
    assert (part.state, part.reason, part.interruption) == ("settled", "", "")
    assert local_runs.leftovers("cut-off", "cut-off") == []


@pytest.mark.usefixtures("patient")
async def test_an_outage_is_named_on_the_pages_of_phase_and_run_and_in_the_list(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """What is out of reach, and since when, stands on both pages and in memos until it answers; then it is gone."""
    client, run = environment.client, "unreached"
    account = local_runs.open_account(run)
    async with serving(client, local_runs):
        handle = await begin_run(environment, late_run(local_runs, run, f"account={account}", *LONG))
        await until(lambda: local_runs.signed(run, Phase.LIVE_TEST), "the request is open")
        _faults(local_runs, account, ("any", "error-before", 100_000))
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        phase = client.get_workflow_handle(f"{run}/live-test")
        page = await until_details(handle, "**waits**")
        assert re.search(rf"{run}/live-test/campaign-00: tick 0 waits: .+ \(since 20..-..-.. ..:.. UTC\)", page)
        assert "**waits**" in await details(phase)
        seen = await view(client, run)
        assert "tick 0 waits" in seen.waits and seen.waits in page
        assert f"waits: {seen.waits}" in headline(seen) and "waits" not in seen.memo
        local_runs.control("DELETE", "/faults")
        await _enabled(local_runs, run, True)
        while (await view(client, run)).waits:  # noqa: ASYNC110 - nobody tells that the memo has changed
            await asyncio.sleep(0.05)
        assert "**waits**" not in await details(handle) + await details(phase)
        await handle.signal("stop")
        await handle.result()
    assert local_runs.leftovers(run, account) == []


@pytest.mark.usefixtures("patient")
async def test_who_cancels_a_run_that_waits_for_its_platform_interrupts_it(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The outage ended it and no stop: interrupted, with what it waited for, no gate, no attempt, nothing left over."""
    client, run = environment.client, "given-up"
    account = local_runs.open_account(run)
    async with serving(client, local_runs):
        handle = await begin_run(environment, late_run(local_runs, run, f"account={account}", *LONG, *HOURLY))
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        await _enabled(local_runs, run, True)
        _faults(local_runs, account, ("any", "error-before", 100_000))
        await until_details(handle, "**waits**")
        await handle.cancel()
        campaign = client.get_workflow_handle(f"{run}/live-test/campaign-00")
        await until_details(campaign, "cancelled")
        local_runs.control("DELETE", "/faults")
        with pytest.raises(Refused, match=f"{run} was cancelled while it waited") as failure:
            await follow(client, handle)
        assert isinstance(failure.value.__cause__, WorkflowFailureError) and failure.value.exit_code == 1
        assert isinstance(failure.value.__cause__.cause, CancelledError)
        seen = await view(client, run)
    assert (seen.outcome, _attempts(local_runs, account)) == (Outcome.INTERRUPTED, 0)
    (ended,) = _rows(local_runs, "SELECT outcome, reason FROM runs WHERE run = @run AND event = 'ended'", run)
    assert ended["outcome"] == "interrupted" and "cancelled while it waited: " in ended["reason"]
    assert re.search(rf"{run}/live-test/campaign-00: tick \d+ waits: ", ended["reason"])
    assert _rows(local_runs, "SELECT * FROM verdicts WHERE run = @run", run) == []
    assert local_runs.leftovers(run, account) == []


async def test_a_lost_checkpoint_is_no_failure_of_the_agent(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """It is gone from the store once its run has begun: interrupted, one sentence, no gate and no attempt."""
    client, run = environment.client, "stateless"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT, checkpoint="9" * 64)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        result = await handle.result()
    assert (result.ended, result.gate, result.spend_micros) == (Outcome.INTERRUPTED, None, 0)
    assert f"content {'9' * 64} is not in the store" in result.reason and "\n" not in result.reason
    assert _attempts(local_runs, run) == 0
    assert local_runs.leftovers(run, run) == []


def _rows(local_runs: LocalRuns, sql: str, run: str) -> list[dict[str, Any]]:
    warehouse = open_warehouse(local_runs.settings.warehouse)
    rows = warehouse.query(sql, {"run": run})
    warehouse.close()
    return rows


async def _cut_off(local_runs: LocalRuns, client: Any, run: str, ticks: int) -> None:
    """No call of the account is answered until so many ticks have been missed."""
    _faults(local_runs, run, ("any", "error-before", 100_000))
    campaign = client.get_workflow_handle(f"{run}/live-test/campaign-00")
    for _ in range(600):
        await asyncio.sleep(0.1)
        page = await details(campaign)
        if (missed := re.search(r"(\d+) ticks missed", page)) and int(missed[1]) >= ticks:
            break
    else:
        raise AssertionError(f"no {ticks} ticks are missed: {page}")
    local_runs.control("DELETE", "/faults")


def _campaign_result(local_runs: LocalRuns, run: str) -> CampaignResult:
    """As its gate has it: with what the ledger knows of its decisions."""
    with local_runs.ledger() as ledger:
        phase = f"{run}/live-test"
        (result,) = with_kept_decisions(ledger.campaign_results(phase), ledger.decisions(phase))
    return result


# ---------------------------------------------------------------- continue as new


@pytest.mark.usefixtures("patient", "barren")
async def test_a_losing_campaign_is_cut_once_though_it_continues_as_new_and_the_call_fails(
    environment: WorkflowEnvironment, local_runs: LocalRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its days reach the barrier however short its history is kept; a budget call that fails is read back."""
    client, run = environment.client, "cut"
    monkeypatch.setattr(
        workflow.Info, "is_continue_as_new_suggested", lambda info: info.get_current_history_length() > 40
    )
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *LOSING, phase=Phase.SCALED)
        _faults(local_runs, run, ("budget", "error-before", 1), ("budget", "error-after", 1))
        await local_runs.approve(client, run, (Phase.SCALED,))
        result = await handle.result()
        described = await client.get_workflow_handle(f"{run}/scaled/campaign-00").describe()
    with local_runs.ledger() as ledger:
        reached = ledger.days_reached(f"{run}/scaled")
    assert described.raw_description.workflow_execution_info.first_run_id != described.run_id
    assert result.gate is not None
    # The last report is of the last tick, when seven of the eight days were over.
    assert [(day.day, len(day.days)) for day in reached] == [(8, 7)] * 2
    found = {c.external_name[-2:]: c for c in local_runs.on_platform(run, run)}
    assert (found["00"].daily_budget_micros, found["01"].daily_budget_micros) == (15_000_000, 30_000_000)
    assert local_runs.leftovers(run, run) == []
