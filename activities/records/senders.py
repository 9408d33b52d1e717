"""RECORDS: whose word is taken, and on which terms a run is judged. Touch this to hear another workflow.

Anybody who reaches Temporal can have an activity called with any message. What is said in the name of a phase or of a
campaign is heard from its own workflow only: that one's id is its name, and while it runs nobody else can have it.
"""

from __future__ import annotations

from temporalio import activity

from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.run_rules import judge_judged
from gaelp.ledger.stored_records import BegunTerms
from gaelp.messages.run_context import RunContext


class NotItsOwnWord(GaelpError):
    """Something is said in the name of a workflow that another one says."""

    permanent = True


class NotItsTerms(GaelpError):
    """A run is to be judged by other terms than those it has begun with or was approved for."""

    permanent = True


def check_terms(ledger: Ledger, context: RunContext) -> None:
    """Raise NotItsTerms where the run has not begun with this account, agent and configuration."""
    terms = BegunTerms(context.account, context.agent, context.config_digest)
    ruling = judge_judged(context.run, ledger.run(context.run), terms)
    if not ruling.granted:
        raise NotItsTerms(ruling.reason)


def check_sender(workflow: str, what: str) -> None:
    """Raise NotItsOwnWord where another workflow than that of this id has called the activity."""
    sender = activity.info().workflow_id
    if sender != workflow:
        raise NotItsOwnWord(f"{sender} speaks of {what}: only its own workflow may")
