"""The verb `resolve`: a named person clears a violation, with a reason. Touch this to change how one is named.

Who may clear one is in gaelp/ledger/rules/person_rules.py.
"""

from __future__ import annotations

import argparse

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse, instant, table

COLUMNS = ("violation", "severity", "kind", "at", "evidence", "cleared by", "reason")


def resolve(arguments: argparse.Namespace, out: Out) -> int:
    """Clear one violation of a run, or show those it has."""
    run = connections.run_name(arguments.run)
    ledger = connections.open_ledger(connections.read_settings())
    violations = ledger.violations(run)
    if arguments.violation is None:
        rows = [
            (v.id, v.severity, v.kind, instant(v.at), v.evidence, v.resolved_by or "-", v.resolution or "-")
            for v in violations
        ]
        out.result({"violations": list(violations)}, table(COLUMNS, rows) if rows else f"run {run} has no violation")
        return DONE
    if arguments.violation not in {violation.id for violation in violations}:
        raise Refused(f"run {run!r} has no violation {arguments.violation!r}: `starter.py resolve {run}` shows them")
    by = arguments.by or connections.user_name()
    try:
        cleared = ledger.resolve_violation(arguments.violation, by, arguments.reason, connections.now())
    except ValueError as error:  # an empty name or reason
        raise WrongUse(str(error)) from None
    out.result({"violation": cleared}, f"{cleared.id} is cleared by {cleared.resolved_by}: {cleared.resolution}")
    return DONE
