"""Approvals by signal: nothing is created on the platform until a standing person's signature is accepted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from gaelp.commands.watching.snapshot import view
from gaelp.commands.watching.status import asked_of
from gaelp.domain.ad_accounts import Approver
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Outcome, Phase, Status
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.domain.temporal_names import Queue
from gaelp.ledger import signatures
from gaelp.ledger.stored_records import KeptVerdict
from gaelp.messages.emergency_stop import StopAccount, StopReport
from gaelp.messages.phase import PhaseResult
from gaelp.money import exact_money, rounded_money
from tests.support.local_runs import LocalRuns, until
from tests.support.single_phase import SHORT, begin, begin_run, details, journal, late_run, until_details
from tests.workflows.conftest import serving
from workflows.details import AWAITING, SPEND, STATUS

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOTHING = object()  # a signal without any payload


async def _request(local_runs: LocalRuns, run: str, phase: Phase = Phase.LIVE_TEST) -> ApprovalRequest:
    """The phase's request, once it is open."""

    def find() -> ApprovalRequest | None:
        with local_runs.ledger() as ledger:
            cards = [c for c in ledger.open_requests(run) if c.request.phase is phase]
        return cards[0].request if cards else None

    found: ApprovalRequest = await until(find, f"{run} asks for approval")
    return found


async def _send(handle: WorkflowHandle[Any, Any], signal: str, payloads: Sequence[Any]) -> None:
    for payload in payloads:
        await handle.signal(signal, args=[] if payload is NOTHING else [payload])


async def _refusals(local_runs: LocalRuns, request: ApprovalRequest, number: int) -> list[str]:
    """The reasons of the first so many refusals, in the order of the signals."""
    found = await until(
        lambda: (entries := journal(local_runs, "refuse", request.request_id))[number - 1 :] and entries,
        f"{number} refusals of {request.request_id}",
    )
    return [json.loads(entry.detail)["reason"] for entry in found]


def _signed(
    local_runs: LocalRuns, request: ApprovalRequest, decision: str = "approve", **changes: Any
) -> dict[str, Any]:
    return {**signatures.sign(local_runs.key.pem, request, decision).model_dump(), **changes}


OPTIONAL = ("reason", "looked_seconds", "passkey")


def _malformed(signed: dict[str, Any]) -> list[Any]:
    """Every kind of JSON that is not a signed decision, and some that is no JSON."""
    deep: Any = "x"
    for _ in range(60):
        deep = [deep]
    return [
        NOTHING, None, True, False, 0, 7, -1.5, 1e300, "", "approve", json.dumps(signed), [], [signed], [None], {},
        {"decision": "approve"},
        *({k: v for k, v in signed.items() if k != missing} for missing in signed if missing not in OPTIONAL),
        {**signed, "approver": "Ada"},
        {**signed, "signature": None},
        {**signed, "signature": 7},
        {**signed, "passkey": {}},
        {**signed, "passkey": {"authenticator_data": 7, "client_data": ""}},
        {**signed, "looked_seconds": "long"},
        {**signed, "request_id": ["x"]},
        {**signed, "reason": {}},
        {**signed, "key_id": signed["key_id"].upper() + "x"},
        {**signed, "key_id": "'; DROP TABLE approvers; --"},
        {"payload": signed},
        deep,
        {"x" * 5000: "y" * 5000},
    ]  # fmt: skip


def _forged(local_runs: LocalRuns, request: ApprovalRequest, other: ApprovalRequest) -> list[tuple[Any, str]]:
    """Well-formed decisions that do not count, with the beginning or a part of the reason."""
    signed, stranger = _signed(local_runs, request), signatures.new_key()
    by_stranger = signatures.sign(stranger.pem, request, "approve").model_dump()
    raised = request.model_copy(update={"total_cap_micros": request.total_cap_micros + 1})
    rubbish = base64.b64encode(b"\x00" * 64).decode()
    return [
        (by_stranger, "unknown key"),
        ({**by_stranger, "key_id": local_runs.key.key_id}, "bad signature"),
        ({**signed, "signature": ""}, "bad signature"),
        ({**signed, "signature": "%%% rubbish %%%"}, "bad signature"),
        ({**signed, "signature": rubbish}, "bad signature"),
        ({**signed, "signature": signed["signature"][:-4]}, "bad signature"),
        ({**_signed(local_runs, request, "reject"), "decision": "approve"}, "bad signature"),
        (_signed(local_runs, request, "reject"), "contradiction"),  # the signal's name is the decision that counts
        (_signed(local_runs, other), "wrong request"),
        (_signed(local_runs, other, request_id=request.request_id), "digest differs"),
        (_signed(local_runs, request, request_id=f"{request.run}/scaled#1"), "wrong request"),
        (_signed(local_runs, raised), "digest differs"),
        (_signed(local_runs, request.model_copy(update={"checkpoint_digest": "0" * 64})), "digest differs"),
    ]


async def test_no_bad_approval_creates_anything_and_a_good_one_still_gets_through(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Malformed, unsigned, forged, over a limit, of a removed person: each refused by its reason, and no harm done."""
    client = environment.client
    poor, former = signatures.new_key(), signatures.new_key()
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "beset", *SHORT)
        neighbour = await begin(environment, local_runs, "neighbour", *SHORT)
        request, other = await _request(local_runs, "beset"), await _request(local_runs, "neighbour")
        with local_runs.ledger() as ledger:
            for key, name, limit in ((poor, "Bob", request.total_cap_micros - 1), (former, "Eve", 10**15)):
                ledger.put_approver(
                    Approver(
                        account="beset", key_id=key.key_id, name=name, public_key=key.public_key, limit_micros=limit
                    )
                )
            ledger.remove_approver("beset", former.key_id)
        malformed = _malformed(_signed(local_runs, request))
        forged = [
            *_forged(local_runs, request, other),
            (signatures.sign(poor.pem, request, "approve").model_dump(), "over the approver's limit"),
            (signatures.sign(former.pem, request, "approve").model_dump(), "unknown key"),
        ]
        await _send(handle, "approve", malformed)
        await _send(handle, "approve", [payload for payload, _ in forged])
        reasons = await _refusals(local_runs, request, len(malformed) + len(forged))
        for payload, reason in zip(malformed, reasons, strict=False):
            assert reason.startswith("malformed: "), (payload, reason)
        for (payload, expected), reason in zip(forged, reasons[len(malformed) :], strict=True):
            assert expected in reason, (payload, reason)
        told = await details(handle)
        assert "awaiting approval" in told and f"refused: {reasons[-1]}" in told
        assert local_runs.on_platform("beset", "beset") == []
        good = _signed(local_runs, request)
        await _send(handle, "approve", [good, good])
        result = await handle.result()
        assert result.gate is not None and result.episodes == 1
        (*_, again) = await _refusals(local_runs, request, len(reasons) + 1)
        assert "already decided" in again
        await neighbour.signal("stop")
        assert (await neighbour.result()).ended is Outcome.STOPPED
    assert [c.external_name for c in local_runs.on_platform("beset", "beset")] == ["beset/live-test/campaign-00"]
    assert local_runs.leftovers("beset", "beset") == []
    assert local_runs.on_platform("neighbour", "neighbour") == []


async def test_what_is_no_json_does_not_stop_the_phase_from_listening(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Bytes, and JSON as long as a signal may be, are refused visibly; a proper approval after them is heard."""
    client = environment.client
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "deafened", *SHORT)
        request = await _request(local_runs, "deafened")
        await _send(handle, "approve", [b"\xff\xfe\x00", b"\xed\xa0\x80", "x" * 2_096_000])
        await handle.signal("approve", _signed(local_runs, request))
        result = await asyncio.wait_for(handle.result(), 30)
        reasons = await _refusals(local_runs, request, 3)
    assert all("malformed" in reason for reason in reasons)
    assert result.gate is not None and local_runs.leftovers("deafened", "deafened") == []


async def test_after_a_reset_another_signal_is_judged_by_itself(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The phase goes back to before an approval that was accepted, and garbage comes in its place: it is refused."""
    client, run = environment.client, "set-back"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        request = await _request(local_runs, run)
        await until_details(handle, "awaiting approval")
        asked = await handle.fetch_history()
        await handle.signal("pause")
        await handle.signal("approve", _signed(local_runs, request))
        await until(lambda: journal(local_runs, "approve", request.request_id), "the approval is accepted")
        with environment.with_time_skipping_disabled():
            await _reset_without_signals(client, handle.id, asked)
        await handle.signal("approve", "garbage")
        (reason,) = await _refusals(local_runs, request, 1)
        page = await until_details(handle, "refused: malformed")
        await handle.signal("stop")
        result: PhaseResult = await client.get_workflow_handle(handle.id, result_type=PhaseResult).result()
    assert reason.startswith("malformed") and "approved by" not in page
    assert result.ended is Outcome.STOPPED and local_runs.on_platform(run, run) == []


async def _reset_without_signals(client: Client, workflow: str, history: WorkflowHistory) -> None:
    """Begin the workflow anew from the last task of a history, without the signals that came since."""
    done = [e.event_id for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow),
            reason="the test says so",
            workflow_task_finish_event_id=done[-1],
            request_id=f"reset of {workflow}",
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
        )
    )


async def test_an_approval_of_the_live_test_does_not_open_the_scaled_phase(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Each spending phase has its own request: the first one's signature, used twice, is refused at the second."""
    client = environment.client
    async with serving(client, local_runs):
        first = await begin(environment, local_runs, "twice", *SHORT)
        used = _signed(local_runs, await _request(local_runs, "twice"))
        await first.signal("approve", used)
        await first.result()
        second = await begin(environment, local_runs, "twice", *SHORT, phase=Phase.SCALED, account="twice")
        request = await _request(local_runs, "twice", Phase.SCALED)
        await _send(second, "approve", [used, {**used, "request_id": request.request_id}])
        reasons = await _refusals(local_runs, request, 2)
        assert "wrong request" in reasons[0] and "digest differs" in reasons[1]
        assert [c.external_name for c in local_runs.on_platform("twice", "twice")] == ["twice/live-test/campaign-00"]
        await second.signal("approve", _signed(local_runs, request))
        result = await second.result()
    assert result.gate is not None and result.episodes == 2  # a candidate and its control
    assert local_runs.leftovers("twice", "twice") == []


async def test_a_waiting_phase_can_be_approved_again_after_a_stop(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """A fence raised since the request was opened voids it: the phase asks anew, and only the new one counts."""
    client = environment.client
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "stale", *SHORT)
        request = await _request(local_runs, "stale")
        with local_runs.ledger() as ledger:
            ledger.raise_fence("stale", "the test says so", "Ada", datetime.now(UTC))
        await handle.signal("approve", _signed(local_runs, request))
        (reason,) = await _refusals(local_runs, request, 1)
        assert "fence" in reason and "ask for another" in reason
        renewed = await until(lambda: _other_request(local_runs, "stale", request), "the phase asks anew")
        assert (renewed.request_id, renewed.fence) == ("stale/live-test#2", request.fence + 1)
        await handle.signal("approve", _signed(local_runs, request))
        (refused,) = await _refusals(local_runs, renewed, 1)
        assert "wrong request" in refused
        assert local_runs.on_platform("stale", "stale") == []
        await handle.signal("approve", _signed(local_runs, renewed))
        result = await handle.result()
    assert result.gate is not None and result.episodes == 1
    assert local_runs.leftovers("stale", "stale") == []


async def test_a_waiting_phase_ends_where_another_run_has_taken_its_pass(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The signature is refused with the reason, and the phase ends by it: it asks nobody anew and spends nothing."""
    client, run = environment.client, "robbed"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        request = await _request(local_runs, run)
        passed = PassedGate(run=run, account=run, phase=Phase.HISTORICAL, config_digest=request.config_digest)
        with local_runs.ledger() as ledger:
            for by, phase, verdict in ((run, passed.phase, Verdict.PASS), ("rival", Phase.LIVE_TEST, Verdict.FAIL)):
                passes = verdict is Verdict.PASS
                kept = KeptVerdict(by, phase, request.checkpoint_digest, "e" * 64, (), verdict, passes)
                ledger.keep_verdict(run, kept, lost=() if passes else (passed,))
        await handle.signal("approve", _signed(local_runs, request))
        (refused,) = await _refusals(local_runs, request, 1)
        result = await handle.result()
    assert "its pass of historical counts no more: rival/live-test failed" in refused
    assert (result.ended, result.reason, result.gate) == (Outcome.NOT_GRADUATED, refused, None)
    assert local_runs.on_platform(run, run) == [] and journal(local_runs, "request", f"{run}/live-test#2") == []


async def test_a_phase_that_is_told_to_look_asks_anew_only_where_its_request_is_void(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """`look` is a hint: without a stop the request stays, and after one a new one is open without any refusal."""
    client = environment.client
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "told", *SHORT)
        request = await _request(local_runs, "told")
        await handle.signal("look")
        await asyncio.sleep(1)
        assert await _request(local_runs, "told") == request
        with local_runs.ledger() as ledger:
            ledger.raise_fence("told", "the test says so", "Ada", datetime.now(UTC))
            (asked,) = asked_of(ledger, "told")
            assert asked["void"] and "void since a stop" in asked["sentence"]
        await handle.signal("look")
        renewed = await until(lambda: _other_request(local_runs, "told", request), "the phase asks anew")
        async for _ in handle.fetch_history_events(wait_new_event=True):
            if f"fence {renewed.fence}" in await details(handle):
                break  # the page follows the ledger
        await handle.signal("reject", _signed(local_runs, renewed, "reject"))
        result = await handle.result()
    assert (result.ended, result.reason) == (Outcome.NOT_GRADUATED, "rejected by Ada")
    assert local_runs.on_platform("told", "told") == []


async def test_a_stop_of_the_account_tells_a_waiting_phase_to_ask_anew(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The workflow EmergencyStop sends `look`: the void request is asked anew at once, and that one can be approved."""
    client, run = environment.client, "rearmed"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        request = await _request(local_runs, run)
        order = StopAccount(account=run, reason="prices look wrong", by="Ada", at=datetime.now(UTC))
        report = await client.execute_workflow(
            "EmergencyStop", order, id=f"stop-{run}", task_queue=Queue.STOP, result_type=StopReport
        )
        assert (report.stopped, report.waiting) == (True, (f"{run}/live-test",))
        renewed = await until(lambda: _other_request(local_runs, run, request), "the phase asks anew")
        assert renewed.fence == request.fence + 1
        await handle.signal("approve", _signed(local_runs, renewed))
        result = await handle.result()
    assert result.gate is not None and result.episodes == 1
    assert local_runs.leftovers(run, run) == []


async def test_a_stop_that_is_given_up_tells_a_waiting_phase_all_the_same(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The platform is away, and the stop is cancelled: its tries have voided the request, which is asked anew."""
    client, run = environment.client, "not-confirmed"
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, run, *SHORT)
        request = await _request(local_runs, run)
        fault = {"verb": "any", "kind": "error-before", "calls": 100_000, "account": run}
        local_runs.control("POST", "/faults", json=fault)
        order = StopAccount(account=run, reason="prices look wrong", by="Ada", at=datetime.now(UTC))
        stop = await client.start_workflow("EmergencyStop", order, id=f"stop-{run}", task_queue=Queue.STOP)
        with local_runs.ledger() as ledger:
            await until(lambda: ledger.fence(run) > request.fence, "the fence has risen")
        await stop.cancel()
        with pytest.raises(WorkflowFailureError) as failure:
            await stop.result()
        assert isinstance(failure.value.cause, CancelledError)
        local_runs.control("DELETE", "/faults")
        renewed = await until(lambda: _other_request(local_runs, run, request), "the phase asks anew")
        assert renewed.fence > request.fence and "NOT STOPPED" in await details(stop)
        await handle.signal("reject", _signed(local_runs, renewed, "reject"))
        await handle.result()


async def test_a_waiting_run_that_was_stopped_while_temporal_was_away_ends_when_it_looks(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Only the ledger knows of the stop: the phase finds its request withdrawn, asks for nothing more, and stops."""
    client, run = environment.client, "unheard"
    account = local_runs.open_account(run)
    start = late_run(local_runs, run, f"account={account}", *SHORT)
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        request = await _request(local_runs, run)
        with local_runs.ledger() as ledger:
            ledger.stop_run(run, "the test says so", "Ada", datetime.now(UTC))
        phase = client.get_workflow_handle(f"{run}/live-test")
        await phase.signal("approve", _signed(local_runs, request))
        (reason,) = await _refusals(local_runs, request, 1)
        result = await handle.result()
    assert "was withdrawn: its run was stopped" in reason
    assert result.outcome is Outcome.STOPPED and f"run {run} was stopped at" in result.reason
    assert local_runs.on_platform(run, account) == []


async def test_a_run_that_has_ended_asks_nobody_any_more(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """A stop while a person is asked: the request is withdrawn with the run, and nothing of it waits for approval."""
    client, run = environment.client, "quitted"
    account = local_runs.open_account(run)
    async with serving(client, local_runs):
        handle = await begin_run(environment, late_run(local_runs, run, f"account={account}", *SHORT))
        request = await _request(local_runs, run)
        await handle.signal("stop")
        result = await handle.result()
    assert result.outcome is Outcome.STOPPED
    with local_runs.ledger() as ledger:
        assert (ledger.request_state(request.request_id), asked_of(ledger, run)) == ("withdrawn", [])
        assert ledger.waiting_phases(account) == ()


def _other_request(local_runs: LocalRuns, run: str, earlier: ApprovalRequest) -> ApprovalRequest | None:
    """The open request of the run that is not that one."""
    with local_runs.ledger() as ledger:
        found = [c.request for c in ledger.open_requests(run) if c.request.request_id != earlier.request_id]
    return found[0] if found else None


async def test_while_a_phase_waits_its_run_says_for_what_and_what_was_spent(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The run's page, attributes, `status` and `list` name the request, its amounts and the ledger's spend."""
    client, run = environment.client, "waiting"
    account = local_runs.open_account(run)
    start = late_run(local_runs, run, f"account={account}", *SHORT, "mode=advisory")
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        request = await _request(local_runs, run)
        page = await until_details(handle, "awaiting approval")
        total, daily = (exact_money(m, "USD") for m in (request.total_cap_micros, request.daily_cap_micros))
        assert f"{request.request_id} asks for at most {total} in all, {daily} on any one day" in page
        assert "0.00 USD spent so far" in page
        assert await _attributes(handle) == (Status.AWAITING_APPROVAL, True, 0)
        seen = await view(client, run)
        assert (seen.state, seen.awaiting_approval, seen.spend_micros) == (Status.AWAITING_APPROVAL, True, 0)
        with local_runs.ledger() as ledger:
            (asked,) = asked_of(ledger, run)
        assert asked["sentence"] == f"{request.request_id} asks for at most {total} in all, {daily} on any one day"
        await handle.signal("pause")
        assert "(and paused)" in await until_details(handle, "paused")
        await handle.signal("resume")
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        phase = client.get_workflow_handle(f"{run}/live-test")
        await phase.result()
        with local_runs.ledger() as ledger:
            spent = ledger.spent(run)
        await handle.signal("stop")
        result = await handle.result()
    assert result.spend_micros == spent > 0
    assert (await _attributes(handle))[1:] == (False, spent)


async def test_the_second_wait_of_a_run_shows_the_same_spend_everywhere(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Money was spent and more is asked: page, attributes, `status` and `list` have the ledger's figure and words."""
    client, run = environment.client, "waits-again"
    account = local_runs.open_account(run)
    start = late_run(local_runs, run, f"account={account}", *SHORT, "mode=advisory")
    async with serving(client, local_runs):
        handle = await begin_run(environment, start)
        await local_runs.approve(client, run, (Phase.LIVE_TEST,))
        request = await _request(local_runs, run, Phase.SCALED)
        with local_runs.ledger() as ledger:
            spent = ledger.spent(run)
            (asked,) = asked_of(ledger, run)
        assert spent > 0 and asked["request"] == request.request_id
        for signal, state in ((None, "scaled: **awaiting approval**: "), ("pause", "(and paused): ")):
            if signal:
                await handle.signal(signal)
            page = await until_details(handle, state)
            assert f"{state}{asked['sentence']}; {rounded_money(spent, 'USD')} spent so far" in page
            assert await _attributes(handle) == (Status.AWAITING_APPROVAL, True, spent)
            for verb in (("status", run), ("list",)):
                document = await asyncio.to_thread(_answer, local_runs, client, verb)
                said = document if verb[0] == "status" else _of(document, run)
                assert (said["state"], said["awaiting_approval"]) == ("awaiting-approval", True)
                assert (said["spend_micros"], said["asked"]) == (spent, [asked])
        with local_runs.ledger() as ledger:
            ledger.raise_fence(account, "the test says so", "Ada", datetime.now(UTC))
        document = await asyncio.to_thread(_answer, local_runs, client, ("list",))
        assert "void since a stop" in _of(document, run)["asked"][0]["sentence"]
        await client.get_workflow_handle(f"{run}/scaled").signal("look")
        assert "scaled#2 asks for" in await until_details(handle, "scaled#2")
        await handle.signal("stop")
        await handle.result()
        document = await asyncio.to_thread(_answer, local_runs, client, ("status", run))
    assert (document["outcome"], document["spend_micros"], document["asked"]) == ("stopped", spent, [])


def _answer(local_runs: LocalRuns, client: Client, verb: tuple[str, ...]) -> Any:
    """What a verb of the command line prints as JSON."""
    address = client.service_client.config.target_host
    ran = local_runs.starter(*verb, "--json", environment={"GAELP_TEMPORAL_ADDRESS": address})
    assert ran.code == 0, ran.output
    return ran.json


def _of(document: Any, run: str) -> Any:
    (found,) = [each for each in document["runs"] if each["run"] == run]
    return found


async def _attributes(handle: WorkflowHandle[Any, Any]) -> tuple[Any, Any, Any]:
    found = (await handle.describe()).typed_search_attributes
    return found.get(STATUS), found.get(AWAITING), found.get(SPEND)


async def test_an_approval_withdrawn_by_a_stop_before_its_campaign_spends_nothing(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Approved and then stopped: the ledger refuses the reservation, and the phase says that the account stopped."""
    client = environment.client
    start = local_runs.ledger
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "withdrawn", *SHORT)
        request = await _request(local_runs, "withdrawn")
        await handle.signal("pause")  # so that the stop comes before the campaign
        await handle.signal("approve", _signed(local_runs, request))
        await until(lambda: journal(local_runs, "approve", request.request_id), "the approval is accepted")
        with start() as ledger:
            ledger.raise_fence("withdrawn", "the test says so", "Ada", datetime.now(UTC))
        await handle.signal("resume")
        result = await handle.result()
    assert result.ended is Outcome.STOPPED
    assert local_runs.on_platform("withdrawn", "withdrawn") == []


async def test_an_approval_after_the_deadline_finds_nobody(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Silence until the deadline ended the phase; who signs later is told so, and nothing is created."""
    client = environment.client
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "late", *SHORT, "approval.deadline_hours=0.002")
        result = await handle.result()
        assert result.ended is Outcome.NOT_GRADUATED and "silence is a refusal" in result.reason
        with local_runs.ledger() as ledger:
            request = ledger.request("late/live-test#1").request
        with pytest.raises(RPCError, match="already completed"):
            await handle.signal("approve", _signed(local_runs, request))
    assert local_runs.on_platform("late", "late") == []


async def test_a_bad_signal_does_not_put_off_the_deadline(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The deadline is computed once: the one that was shown is the one that ends it, whatever came meanwhile."""
    client = environment.client
    async with serving(client, local_runs):
        handle = await begin(environment, local_runs, "nagged", *SHORT, "approval.deadline_hours=0.005")  # 18 seconds
        request = await _request(local_runs, "nagged")
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.HasField("timer_started_event_attributes"):
                break  # the phase waits for its deadline, and each signal wakes it
        await _send(handle, "approve", [None] * 10)
        result = await handle.result()
        history = await handle.fetch_history()
    assert "silence is a refusal" in result.reason
    events = {event.event_id: event for event in history.events}
    timers = [e.timer_started_event_attributes for e in events.values() if e.HasField("timer_started_event_attributes")]

    def end(timer: Any) -> datetime:
        """When it fires, by the workflow's own clock, which stands still while a busy worker takes its time."""
        task = events[timer.workflow_task_completed_event_id].workflow_task_completed_event_attributes
        began: datetime = events[task.started_event_id].event_time.ToDatetime()
        return began + timer.start_to_fire_timeout.ToTimedelta()

    ends = [end(timer) for timer in timers]
    assert len(ends) > 1 and max(ends) - min(ends) < timedelta(seconds=0.01)
    assert len(journal(local_runs, "refuse", request.request_id)) == 10


async def test_a_signed_rejection_ends_the_run(environment: WorkflowEnvironment, local_runs: LocalRuns) -> None:
    """A forged rejection changes nothing; a signed one ends the run not-graduated, with no campaign anywhere."""
    client = environment.client
    account = local_runs.open_account("rejected")
    start = late_run(local_runs, "rejected", f"account={account}", *SHORT)
    async with serving(client, local_runs):
        run = await begin_run(environment, start)
        request = await _request(local_runs, "rejected")
        phase = client.get_workflow_handle("rejected/live-test")
        forged = _signed(local_runs, request)  # an approval, by the signal that rejects
        await _send(phase, "reject", [None, "reject", forged])
        reasons = await _refusals(local_runs, request, 3)
        assert "contradiction" in reasons[-1]
        await phase.signal("reject", _signed(local_runs, request, "reject"))
        result = await run.result()
    assert (result.outcome, result.reason) == (Outcome.NOT_GRADUATED, "live-test: rejected by Ada")
    assert local_runs.on_platform("rejected", account) == []
    with local_runs.ledger() as ledger:
        assert ledger.reservations(account) == ()
