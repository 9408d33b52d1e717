"""The terminal page of `watch`: phases, learning curve, spend against limits, bounds, and what waits for a person.

It needs 80 columns and no colour. Touch this to show more on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from gaelp.commands.console import instant, money
from gaelp.commands.watching.run_events import needs_somebody
from gaelp.commands.watching.snapshot import PhaseView, RunView
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.phases import PHASE_ORDER
from gaelp.errors import masked
from gaelp.evidence.reported.criterion_bounds import bound_in_words

BARS = "▁▂▃▄▅▆▇█"
CURVE = 40  # learning rounds, the newest
NAME = 12  # columns of the names on the left


@dataclass(frozen=True)
class WatchFacts:
    """What is shown beside where the run stands."""

    rewards: Sequence[float] = ()  # mean reward of each learning round, oldest first
    approved_micros: int | None = None  # what may be spent in all by the approvals so far
    asked: Sequence[str] = ()  # a sentence for each open request
    details: str = ""  # the phase's own page, in Markdown


def watch_page(now: RunView, facts: WatchFacts) -> Group:
    """The whole page."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=NAME, no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _rows(now, facts):
        grid.add_row(Text(name), Text(masked(value)))
    parts: list[Any] = [Text(_title(now)), grid]
    if facts.details and not now.ended:
        parts.append(Markdown(masked(facts.details)))
    if not now.ended:
        parts.append(Text(f"Ctrl-C leaves this page; {now.run} goes on.", style="dim"))
    return Group(*parts)


def _title(now: RunView) -> str:
    agent, account = now.memo.get("agent", ""), now.memo.get("account", "")
    who = f"{agent} on {account}, " if agent else ""
    state = now.outcome or now.state
    return f"{now.run}: {state} ({who}since {instant(now.started)})"


def _rows(now: RunView, facts: WatchFacts) -> list[tuple[str, str]]:
    begun = {each.phase: each for each in now.phases}
    rows = [(str(phase), _phase(begun.get(phase), now.currency)) for phase in PHASE_ORDER]
    if facts.rewards:
        rows.append(("learning", f"{curve(facts.rewards)} reward {facts.rewards[-1]:.3f}, round {len(facts.rewards)}"))
    limit = f" of {money(facts.approved_micros, now.currency)} approved" if facts.approved_micros else ""
    rows.append(("spent", f"{money(now.spend_micros, now.currency)}{limit}"))
    rows += [("open", each) for each in _open_criteria(now)]
    rows += [("asks", each) for each in facts.asked]
    need = needs_somebody(now)
    rows += [("held", each) for each in now.held if each != need]
    if need:
        rows.append(("NEEDS YOU", need))
    if now.waits:
        rows.append(("waits", now.waits))
    if now.reason:
        rows.append(("because", now.reason))
    return rows


def _phase(phase: PhaseView | None, currency: str) -> str:
    if phase is None:
        return "-"
    parts = [phase.verdict or phase.state]
    if phase.spend_micros:
        parts.append(money(phase.spend_micros, currency))
    if phase.criteria:
        passed = sum(each.verdict is Verdict.PASS for each in phase.criteria)
        parts.append(f"{passed} of {len(phase.criteria)} criteria passed")
    return ", ".join(parts)


def _open_criteria(now: RunView) -> list[str]:
    """The criteria of the newest gate that did not pass, with bound and threshold."""
    judged = [each for each in now.phases if each.criteria]
    rows = [each for each in judged[-1].criteria if each.verdict is not Verdict.PASS] if judged else []
    return [f"{each.id} {each.name}: {each.label}{_bound(each)}" for each in rows]


def _bound(criterion: CriterionVerdict) -> str:
    if criterion.bound is None or criterion.threshold is None:
        return ""
    return f", {bound_in_words(criterion.estimate, criterion.bound)} against {criterion.threshold:,.4g}"


def curve(values: Sequence[float]) -> str:
    """The newest values as bars between the lowest and the highest of them."""
    shown = values[-CURVE:]
    low, span = min(shown), max(shown) - min(shown)
    return "".join(BARS[round((each - low) / span * (len(BARS) - 1)) if span else 0] for each in shown)
