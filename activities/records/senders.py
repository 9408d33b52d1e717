"""RECORDS: whose word is taken. Touch this to hear another workflow.

Anybody who reaches Temporal can have an activity called with any message. What is said in the name of a phase or of a
campaign is heard from its own workflow only: that one's id is its name, and while it runs nobody else can have it.
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
