"""RECORDS: whose word is taken: what is said or asked in a workflow's name is heard from that workflow only.

Anybody who reaches Temporal can have an activity called with any message. A workflow's id is its name, and while it
runs nobody else can have it. Touch this to hear another workflow.
"""

from __future__ import annotations

from temporalio import activity

from gaelp.errors import GaelpError


class NotItsOwnWord(GaelpError):
    """Something is said in the name of a workflow that another one says."""

    permanent = True


def check_sender(workflow: str, what: str) -> None:
    """Raise NotItsOwnWord where another workflow than that of this id has called the activity."""
    sender = activity.info().workflow_id
    if sender != workflow:
        raise NotItsOwnWord(f"{sender} speaks of {what}: only its own workflow may")
