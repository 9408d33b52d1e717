"""RECORDS: on which terms a run is judged. Touch this to bind a verdict to one more term."""

from __future__ import annotations

from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.run_rules import judge_judged
from gaelp.ledger.stored_records import BegunTerms
from gaelp.messages.run_context import RunContext


class NotItsTerms(GaelpError):
    """A run is to be judged by other terms than those it has begun with or was approved for."""

    permanent = True


def check_terms(ledger: Ledger, context: RunContext) -> None:
    """Raise NotItsTerms where the run has not begun with this account, agent and configuration."""
    terms = BegunTerms(context.account, context.agent, context.config_digest)
    ruling = judge_judged(context.run, ledger.run(context.run), terms)
    if not ruling.granted:
        raise NotItsTerms(ruling.reason)
