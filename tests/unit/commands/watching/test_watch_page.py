"""The page of `watch` on a terminal of 80 columns."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from gaelp.commands.watching.snapshot import PhaseView, RunView
from gaelp.commands.watching.watch_page import CURVE, WatchFacts, curve, watch_page
from gaelp.domain.gates.judging import judge_simulation
from gaelp.domain.phases import Phase
from tests.unit.domain.gates.test_judging import count, simulation

AT = datetime(2026, 11, 26, tzinfo=UTC)
CRITERIA = judge_simulation(simulation(success=count(113, 215, more=120), block=None))
RUN = RunView(
    "first", "awaiting-approval", "live-test", True, 624_910_000, started=AT,
    memo={"currency": "USD", "agent": "linear-thompson", "account": "emulator"},
    phases=(
        PhaseView(Phase.SIMULATION, "completed", 0, "INCONCLUSIVE", ended=AT, criteria=CRITERIA),
        PhaseView(Phase.LIVE_TEST, "awaiting-approval", 624_910_000),
    ),
)  # fmt: skip
FACTS = WatchFacts(
    rewards=[0.1, 0.5, 0.9],
    approved_micros=1_400_000_000,
    asked=["first/live-test#1 asks for at most 1,056.00 USD in all, 264.00 USD on any one day"],
    details="| campaign | ROI |\n|---|---|\n| 00 | redis://ada:hush@there |",
)


def shown(now: RunView, facts: WatchFacts) -> str:
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, no_color=True, color_system=None).print(watch_page(now, facts))
    return out.getvalue()


def test_the_page_fits_80_columns_without_colour_and_says_what_a_person_must_know() -> None:
    """Phases, curve, spend against what was approved, open bounds, what is asked and how to answer; no password."""
    page = shown(RUN, FACTS)
    assert max(len(line) for line in page.splitlines()) <= 80 and "\x1b" not in page
    words = " ".join(page.split())
    assert "▁▅█ reward 0.900, round 3" in words
    assert "624.91 USD of 1,400.00 USD approved" in words
    assert "2 success rate: INCONCLUSIVE (undecided), at most 0.85 against 0.8" in words
    assert "asks for at most 1,056.00 USD in all" in words and "`starter.py approve first`" in words
    assert "Ctrl-C leaves this page; first goes on." in words
    assert "hush" not in page


def test_an_ended_run_asks_nobody_and_says_why_it_ended() -> None:
    """No command for a person, no Ctrl-C, no page of a phase."""
    page = shown(replace(RUN, ended=AT, outcome="stopped", reason="by hand"), replace(FACTS, asked=()))
    assert "because" in page and "by hand" in page and "stopped" in page.splitlines()[0]
    assert not any(word in page for word in ("NEEDS YOU", "Ctrl-C", "campaign"))


def test_a_curve_shows_the_newest_rounds_between_their_lowest_and_highest() -> None:
    """Equal values are a flat line."""
    assert curve([0.5]) == curve([0.0]) == "▁"
    assert curve([1, 0, 0.5]) == "█▁▅"
    assert len(curve(range(1000))) == CURVE
