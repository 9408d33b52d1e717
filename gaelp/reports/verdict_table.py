"""The table of verdicts that `make demo` prints at its end. Touch this to change what it shows."""

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
        duration = f" ({seconds[phase.phase]:.0f} s)" if phase.phase in seconds else ""
        if phase.gate is None:
            table.add_row(f"{phase.phase}{duration}", "-", "no gate", Text(phase.reason))
            continue
        for number, each in enumerate(phase.gate.criteria):
            verdict = Text(each.label, style=COLOURS[each.verdict])
            label = f"{phase.phase}{duration}" if number == 0 else ""
            table.add_row(label, Text(f"{each.id} {each.name}"), verdict, Text(each.reason))
        table.add_section()
    return table
