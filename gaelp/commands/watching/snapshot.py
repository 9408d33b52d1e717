"""Reads where a run stands, from Temporal's describe, memos, search attributes and closing events.

No worker is needed for that. Touch this to show more of a run in `status`, `list`, `watch` and `start --wait`.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from gaelp.commands.connections import RPC
from gaelp.commands.console import Refused
from gaelp.domain.gates.verdicts import CriterionVerdict
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase, Status
from gaelp.domain.temporal_names import WAITS, Attribute

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription

    from gaelp.messages.log_replay import GapEvidence
    from gaelp.messages.phase import PhaseResult
    from gaelp.messages.training_run import RunResult


@dataclass(frozen=True)
class PhaseView:
    """A phase that has begun."""

    phase: Phase
    state: str  # running, awaiting-approval, paused, ..., or how its workflow ended
    spend_micros: int
    verdict: str = ""
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    criteria: tuple[CriterionVerdict, ...] = ()  # of its gate, once it was judged
    evidence_digest: str = ""  # of what its gate was judged on
    gaps: tuple[GapEvidence, ...] = ()  # of the historical phase: between the run's market and its logs


@dataclass(frozen=True)
class RunView:
    """What a person sees of a run."""

    run: str
    state: str
    phase: str
    awaiting_approval: bool
    spend_micros: int
    outcome: str = ""
    reason: str = ""
    waits: str = ""  # what is out of the run's reach, and since when
    held: tuple[str, ...] = ()  # by the ledger: a sentence for each campaign that monitoring holds back
    held_for_person: tuple[str, ...] = ()  # those of them that wait for a person
    started: datetime | None = None
    ended: datetime | None = None
    checkpoint_digest: str = ""
    memo: dict[str, Any] = field(default_factory=dict)
    phases: tuple[PhaseView, ...] = ()

    @property
    def currency(self) -> str:
        """Of its amounts; empty where the run does not say it."""
        return str(self.memo.get("currency", ""))

    def document(self) -> dict[str, Any]:
        """As --json prints it."""
        return asdict(self)


async def view(client: Client, run: str) -> RunView:
    """The run and the phases it has begun. Raises Refused where Temporal knows no such run."""
    descriptions = await asyncio.gather(
        _described(client, run), *(_described(client, phase_id(run, phase)) for phase in PHASE_ORDER)
    )
    whole = descriptions[0]
    if whole is None:
        raise Refused(f"there is no run {run!r}: `starter.py list` shows those there are")
    begun = [(phase, each) for phase, each in zip(PHASE_ORDER, descriptions[1:], strict=True) if each is not None]
    phases = tuple([await _phase(client, phase, each) for phase, each in begun])
    result = await _run_result(client, run) if _ended(whole) else None
    # The run's own figure is set at its end; until then its phases' figures are newer.
    spend = max(_spend(whole), sum(each.spend_micros for each in phases))
    waiting = any(each.state == Status.AWAITING_APPROVAL for each in phases)
    failure = "" if result or not _ended(whole) else await _failure(client, run)
    memo = dict(await whole.memo())
    waits = str(memo.pop(WAITS, ""))
    return RunView(
        run=run,
        state=_state(whole) if not waiting else Status.AWAITING_APPROVAL,
        phase=str(attribute(whole, Attribute.PHASE, "")),
        awaiting_approval=waiting,
        spend_micros=result.spend_micros if result else spend,
        outcome=_outcome(whole),
        reason=result.reason if result else failure,
        waits="" if _ended(whole) else waits,
        started=whole.start_time,
        ended=whole.close_time,
        checkpoint_digest=(result.checkpoint_digest or "") if result else "",
        memo=memo,
        phases=phases,
    )


async def listed(client: Client, limit: int) -> list[RunView]:
    """Runs, newest first, as visibility lists them (a second late)."""
    views = []
    query = "WorkflowType = 'TrainingRun'"
    async for each in client.list_workflows(query, limit=limit, rpc_timeout=RPC):
        memo = dict(await each.memo())
        waits = str(memo.pop(WAITS, ""))
        views.append(
            RunView(
                run=each.id,
                state=_state(each),
                outcome=_outcome(each),
                phase=str(attribute(each, Attribute.PHASE, "")),
                awaiting_approval=bool(attribute(each, Attribute.AWAITING, False)),
                spend_micros=_spend(each),
                waits="" if _ended(each) else waits,
                started=each.start_time,
                ended=each.close_time,
                memo=memo,
            )
        )
    return views


async def awaiting(client: Client) -> set[str]:
    """Runs of which some phase waits for an approval (the attribute is the phase's, not the run's)."""
    query = f"{Attribute.AWAITING} = true AND ExecutionStatus = 'Running'"
    return {each.id.split("/")[0] async for each in client.list_workflows(query, limit=1000, rpc_timeout=RPC)}


async def details(client: Client, workflow: str) -> str:
    """A workflow's current details in markdown; empty where no worker answers at once."""
    from temporalio.api.sdk.v1 import WorkflowMetadata
    from temporalio.client import WorkflowQueryFailedError
    from temporalio.service import RPCError

    handle = client.get_workflow_handle(workflow)
    try:
        metadata = await handle.query(
            "__temporal_workflow_metadata", result_type=WorkflowMetadata, rpc_timeout=timedelta(seconds=2)
        )
    except (RPCError, WorkflowQueryFailedError):
        return ""
    return str(metadata.current_details)


async def workers(client: Client, queue: str) -> int:
    """How many workers poll a queue for workflows."""
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    description = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=RPC,
    )
    return len(description.pollers)


def attribute(execution: WorkflowExecution, name: str, default: Any) -> Any:
    """One search attribute of a workflow."""
    return next((pair.value for pair in execution.typed_search_attributes if pair.key.name == name), default)


async def _described(client: Client, workflow: str) -> WorkflowExecutionDescription | None:
    from temporalio.service import RPCError, RPCStatusCode

    try:
        return await client.get_workflow_handle(workflow).describe(rpc_timeout=RPC)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _phase(client: Client, phase: Phase, described: WorkflowExecutionDescription) -> PhaseView:
    result = await _phase_result(client, described.id) if _ended(described) else None
    return PhaseView(
        phase=phase,
        state=_state(described),
        spend_micros=result.spend_micros if result else _spend(described),
        verdict=str(result.gate.verdict) if result and result.gate else "",
        reason=result.reason if result else "",
        started=described.start_time,
        ended=described.close_time,
        criteria=result.gate.criteria if result and result.gate else (),
        evidence_digest=result.gate.evidence_digest if result and result.gate else "",
        gaps=result.gaps if result else (),
    )


async def _run_result(client: Client, run: str) -> RunResult | None:
    from gaelp.messages.training_run import RunResult

    return cast(RunResult | None, await _result(client, run, RunResult))


async def _phase_result(client: Client, workflow: str) -> PhaseResult | None:
    from gaelp.messages.phase import PhaseResult

    return cast(PhaseResult | None, await _result(client, workflow, PhaseResult))


async def _result(client: Client, workflow: str, kind: type[Any]) -> Any:
    from temporalio.client import WorkflowFailureError

    try:
        return await client.get_workflow_handle(workflow, result_type=kind).result(rpc_timeout=RPC)
    except WorkflowFailureError:
        return None


async def _failure(client: Client, workflow: str) -> str:
    from temporalio.client import WorkflowFailureError

    try:
        await client.get_workflow_handle(workflow).result(rpc_timeout=RPC)
    except WorkflowFailureError as error:
        return failure(error)
    return ""


def failure(error: BaseException) -> str:
    """Why a workflow failed, in one sentence: the message of our own error, or else the innermost reason."""
    from workflows.details import innermost_cause

    innermost = innermost_cause(error)
    return str(getattr(innermost, "message", "")) or str(innermost) or type(innermost).__name__


def _ended(execution: WorkflowExecution) -> bool:
    return execution.close_time is not None


def _spend(execution: WorkflowExecution) -> int:
    return int(attribute(execution, Attribute.SPEND_MICROS, 0))


def _state(execution: WorkflowExecution) -> str:
    """GaelpStatus, which a run that ended leaves at its outcome; else how Temporal says that the workflow ended."""
    status = str(attribute(execution, Attribute.STATUS, Status.RUNNING))
    how = execution.status.name.lower().replace("_", "-") if execution.status else "ended"
    if not _ended(execution) or (how == "completed" and status in tuple(Outcome)):
        return status
    return how


def _outcome(execution: WorkflowExecution) -> str:
    """The outcome that a run left, also where it was cancelled; empty for one that is open, or ended otherwise."""
    how = execution.status.name if execution.status else ""
    status = str(attribute(execution, Attribute.STATUS, ""))
    return status if how in ("COMPLETED", "CANCELED") and status in tuple(Outcome) else ""
