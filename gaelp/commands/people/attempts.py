"""The verb `attempts`: how many attempts at each gate are used, and their reset by a named person with a reason.

What counts as an attempt is in gaelp/ledger/stores/run_store.py. Touch this to show one more thing.
"""

from __future__ import annotations

import argparse

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, table
from gaelp.commands.people.named_person import by_person
from gaelp.domain.spending.ledger_records import AttemptSeries

COLUMNS = ("account", "product", "agent", "gate", "used", "forgiven")


def attempts(arguments: argparse.Namespace, out: Out) -> int:
    """list (without a word) and reset."""
    return _reset(arguments, out) if arguments.action == "reset" else _list(out)


def _list(out: Out) -> int:
    counts = connections.open_ledger(connections.read_settings()).attempts()
    document = [{**each.series.model_dump(), "used": each.used, "forgiven": each.forgiven} for each in counts]
    text = table(COLUMNS, [list(line.values()) for line in document]) if document else "no attempt was made yet"
    out.result({"attempts": document}, text)
    return DONE


def _reset(arguments: argparse.Namespace, out: Out) -> int:
    series = AttemptSeries(
        account=arguments.account, product=arguments.product, agent=arguments.agent, gate=arguments.gate
    )
    ledger = connections.open_ledger(connections.read_settings())
    if not any(each.series == series and each.used for each in ledger.attempts()):
        raise Refused("there is no used attempt of that account, product, agent and gate: see `starter.py attempts`")
    by = arguments.by or connections.user_name()
    forgiven = by_person(arguments, lambda *word: ledger.reset_attempts(series, *word))
    out.result(
        {**series.model_dump(), "forgiven": forgiven, "by": by, "reason": arguments.reason},
        f"{forgiven} attempts of {series.agent} at {series.gate} on {series.account} are forgiven by {by}",
    )
    return DONE
