"""RECORDS: whose word is taken: what is said or asked in a workflow's name is heard from that workflow only.

Anybody who reaches Temporal can have an activity called with any message. A workflow's id is its name, and while it
runs nobody else can have it. Where it does not run, a workflow that somebody starts under its id has no parent, and
Temporal keeps who a workflow's parent is. Touch this to hear another workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from temporalio.client import WorkflowExecutionDescription


class NotItsOwnWord(GaelpError):
    """Something is said in the name of a workflow that another one says."""

    permanent = True


def check_sender(workflow: str, what: str) -> None:
    """Raise NotItsOwnWord where another workflow than that of this id has called the activity."""
    sender = activity.info().workflow_id
    if sender != workflow:
        raise NotItsOwnWord(f"{sender} speaks of {what}: only its own workflow may")


async def check_child(phase: str, run: str, what: str) -> None:
    """The same; and raise it where the workflow of this id was not started by the run's own."""
    check_sender(phase, what)
    handle = activity.client().get_workflow_handle(phase, run_id=activity.info().workflow_run_id)
    if parent_of(await handle.describe()) != run:
        raise NotItsOwnWord(f"{phase} was started by hand: only {run} itself may have {what} judged")


def parent_of(described: WorkflowExecutionDescription) -> str:
    """The id of the workflow that has started this one; empty where somebody has started it by hand."""
    return str(described.raw_description.workflow_execution_info.parent_execution.workflow_id)
