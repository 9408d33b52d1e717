"""Verdicts on a terminal. Touch this to change the table that `make demo` ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from gaelp.messages.phase import PhaseResult

COLOURS = {"PASS": "bold blue", "FAIL": "bold red", "INCONCLUSIVE": "yellow", "INVALID": "bold magenta"}


def criteria_table(title: str, phases: Sequence[PhaseResult], seconds: Mapping[str, float]) -> Table:
    """Each criterion with its verdict and reason; `seconds` by phase, where they are known."""
    table = Table("phase", "criterion", "verdict", "reason", title=title, title_justify="left")
    for phase in phases:
        took = f" ({seconds[phase.phase]:.0f} s)" if phase.phase in seconds else ""
        if phase.gate is None:
            table.add_row(f"{phase.phase}{took}", "-", "no gate", Text(phase.reason))
            continue
        for number, each in enumerate(phase.gate.criteria):
            verdict = Text(each.verdict, style=COLOURS[each.verdict])
            named = f"{phase.phase}{took}" if number == 0 else ""
            table.add_row(named, Text(f"{each.id} {each.name}"), verdict, Text(each.reason))
        table.add_section()
    return table
