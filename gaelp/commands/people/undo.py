"""The verb `undo`: a named person restores what a step of monitoring has lowered, with a reason.

Who may is in gaelp/ledger/rules/person_rules.py, what a step leaves in gaelp/domain/monitoring/ladder.py. Touch this to
change how a step is named or shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, instant, money, table
from gaelp.commands.people.named_person import by_person
from gaelp.domain.monitoring.ladder import LOST, StepTaken

COLUMNS = ("step", "did", "day", "budget before", "after", "at", "undone by", "because", "why")


def undo(arguments: argparse.Namespace, out: Out) -> int:
    """Undo one step of a run and every later one of its campaign, or show the steps of all its campaigns."""
    run = connections.run_name(arguments.run)
    ledger = connections.open_ledger(connections.read_settings())
    steps = ledger.steps_of_run(run)
    currency = ledger.account(steps[0].account).currency if steps else ""  # a run spends on one account
    if arguments.step is None:
        none = f"monitoring has taken no step in run {run}"
        out.result({"steps": list(steps)}, table(COLUMNS, rows_of(steps, currency)) if steps else none)
        return DONE
    if arguments.step not in {step.key for step in steps}:
        raise Refused(f"run {run!r} has no step {arguments.step!r}: `starter.py undo {run}` shows them")
    undone = by_person(arguments, lambda *word: ledger.undo_step(arguments.step, *word))
    out.result({"undone": list(undone)}, *_sentences(undone, arguments.step, currency))
    return DONE


def rows_of(steps: Sequence[StepTaken], currency: str) -> list[tuple[object, ...]]:
    """One row for each step, in the order of COLUMNS."""
    return [
        (each.key, each.step, each.day.isoformat(), money(each.before.daily_budget_micros, currency),
         money(each.after.daily_budget_micros, currency) if each.after.enabled else "paused", instant(each.at),
         each.undone_by or "-", each.undone_because or "-", each.reason)
        for each in steps
    ]  # fmt: skip


def _sentences(undone: Sequence[StepTaken], asked: str, currency: str) -> list[str]:
    if not undone:
        return [f"{asked} was undone before, and nothing is changed"]
    first = undone[0]
    was = first.before
    keys = ", ".join(step.key for step in undone)
    return [
        f"{keys}: undone by {first.undone_by}: {first.undone_because}",
        f"from its next tick on {first.campaign} may have again what it had before (a daily budget of "
        f"{money(was.daily_budget_micros, currency)}{'' if was.enabled else ', paused'}), where its approval and "
        "its phase still allow it",
        f"this brings not back: {'; '.join(dict.fromkeys(LOST[step.step] for step in undone))}",
    ]
