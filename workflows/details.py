"""What people see of a workflow in Temporal's Web UI (current details, search attributes), and the cause of a failure.

Touch this to show another search attribute or to word a failure otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.records.campaign_looks import CampaignLooks
    from activities.records.runs import Runs
    from gaelp.domain.phases import Outcome, Phase, Status
    from gaelp.domain.temporal_names import WAITS, Attribute
    from gaelp.messages.training_run import LookAtPhase, LookAtRun, RunInput, RunStanding
    from workflows.activity_options import RECORDS, named

EXPERIMENT = SearchAttributeKey.for_keyword(Attribute.EXPERIMENT)
PHASE = SearchAttributeKey.for_keyword(Attribute.PHASE)
STATUS = SearchAttributeKey.for_keyword(Attribute.STATUS)
SPEND = SearchAttributeKey.for_int(Attribute.SPEND_MICROS)
AWAITING = SearchAttributeKey.for_bool(Attribute.AWAITING)
# Types of failures that are a doing of the agent (gaelp/agents/agent_failures.py, gaelp/agents/contract.py,
# gaelp/agents/remote/remote_agent.py, workflows/simulation.py). What a remote agent is refused for, an address that is
# missing or a limit of its cost, is a matter of the configuration.
AGENTS_OWN = ("AgentFailed", "InvalidDecision", "RemoteError", "TooManyFailures")


def show_details(markdown: str) -> None:
    """Show markdown as the workflow's current details."""
    workflow.set_current_details(markdown)


def set_attributes(
    *, phase: Phase | None = None, status: Status | Outcome | None = None, spend_micros: int | None = None
) -> None:
    """Update the search attributes of this workflow; GaelpAwaiting follows the status."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if phase is not None:
        updates.append(PHASE.value_set(phase))
    if status is not None:
        updates.append(STATUS.value_set(status))
        updates.append(AWAITING.value_set(status is Status.AWAITING_APPROVAL))
    if spend_micros is not None:
        updates.append(SPEND.value_set(spend_micros))
    workflow.upsert_search_attributes(updates)


def set_waits(text: str) -> None:
    """Say in the workflow's memo what it waits for, and since when, that is out of reach; empty where nothing is."""
    workflow.upsert_memo({WAITS: text})


def first_attributes(run: str, phase: Phase) -> TypedSearchAttributes:
    """The search attributes that a phase or a campaign of a run is started with."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(EXPERIMENT, run),
            SearchAttributePair(PHASE, phase),
            SearchAttributePair(STATUS, Status.RUNNING),
            SearchAttributePair(SPEND, 0),
            SearchAttributePair(AWAITING, False),
        ]
    )


async def look_at_run(order: RunInput, open_phases: Sequence[str]) -> RunStanding | None:
    """The standing of a run by the ledger and by its open phase; None where it cannot be read.

    Raises asyncio.CancelledError where the run was cancelled meanwhile.
    """
    try:
        standing = await workflow.execute_activity_method(
            Runs.look_at_run,
            LookAtRun(run=order.run, account=order.config.account),
            **named(RECORDS, "what was spent, and what is asked"),
        )
        for phase_workflow in open_phases:
            phase = await workflow.execute_activity_method(
                CampaignLooks.look_at_phase,
                LookAtPhase(run=order.run, phase_workflow=phase_workflow),
                **named(RECORDS, "what the phase waits for"),
            )
            standing = standing.model_copy(update={"waits": phase.waits})
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise asyncio.CancelledError from error
        return None
    return standing


def innermost_cause(error: BaseException) -> BaseException:
    """The error that a failure rests on: the first one that an activity or a workflow of ours worded, or else the last.

    Temporal wraps a failure in one error per activity and per child workflow that it passed through.
    """
    while error.__cause__ is not None and not isinstance(error, ApplicationError):
        error = error.__cause__
    return error


def is_agents_own(error: BaseException) -> bool:
    """Whether a failure is a doing of the agent; anything else says nothing about it."""
    innermost = innermost_cause(error)
    return isinstance(innermost, ApplicationError) and innermost.type in AGENTS_OWN


def cause(error: BaseException) -> str:
    """Why something failed, in one sentence."""
    innermost = innermost_cause(error)
    if isinstance(innermost, FailureError):
        return innermost.message
    return f"{type(innermost).__name__}: {innermost}"
