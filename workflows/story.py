"""What the Web UI tells about a workflow: current details, search attributes, reasons. Touch this to reword it."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, FailureError

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.ids import Attribute
    from gaelp.domain.phases import Outcome, Phase, Status

EXPERIMENT = SearchAttributeKey.for_keyword(Attribute.EXPERIMENT)
PHASE = SearchAttributeKey.for_keyword(Attribute.PHASE)
STATUS = SearchAttributeKey.for_keyword(Attribute.STATUS)
SPEND = SearchAttributeKey.for_int(Attribute.SPEND_MICROS)
AWAITING = SearchAttributeKey.for_bool(Attribute.AWAITING)


def tell(details: str) -> None:
    """Show markdown as the workflow's current details."""
    workflow.set_current_details(details)


def mark(
    *, phase: Phase | None = None, status: Status | Outcome | None = None, spend_micros: int | None = None
) -> None:
    """Update the search attributes of this workflow; `awaiting` follows the status."""
    updates: list[SearchAttributeUpdate[Any]] = []
    if phase is not None:
        updates.append(PHASE.value_set(phase))
    if status is not None:
        updates.append(STATUS.value_set(status))
        updates.append(AWAITING.value_set(status is Status.AWAITING_APPROVAL))
    if spend_micros is not None:
        updates.append(SPEND.value_set(spend_micros))
    workflow.upsert_search_attributes(updates)


def cause(error: BaseException) -> str:
    """The innermost reason of a failure, in one sentence."""
    while isinstance(error, ActivityError | ChildWorkflowError) and error.cause is not None:
        error = error.cause
    if isinstance(error, ApplicationError):
        return str(error.message)
    if isinstance(error, FailureError):
        return error.message
    return f"{type(error).__name__}: {error}"
