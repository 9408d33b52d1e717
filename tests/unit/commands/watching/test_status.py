"""What `status` prints of the gates of a run."""

from __future__ import annotations

from rich.console import Console

from gaelp.commands.watching.snapshot import PhaseView
from gaelp.commands.watching.status import baselines_of, criteria_of, learning_of
from gaelp.domain.gates.judging import judge_simulation
from gaelp.domain.phases import Phase
from gaelp.evidence.monitoring.learning_trend import window_trends
from gaelp.evidence.reported.baseline_comparison import ComparedPolicy, Comparison
from gaelp.evidence.reported.earnings import Bounded
from tests.unit.domain.gates.test_judging import count, simulation


def test_status_shows_each_bound_and_what_is_missing() -> None:
    """A row for each criterion with estimate, bound, threshold, the kind of INCONCLUSIVE and the missing episodes."""
    criteria = judge_simulation(simulation(success=count(113, 215, more=120), block=None))
    console = Console(width=400, record=True)
    console.print(*criteria_of([PhaseView(Phase.SIMULATION, "completed", 0, criteria=criteria)]))
    lines = console.export_text().splitlines()
    success = next(line for line in lines if "2 success rate" in line)
    assert "INCONCLUSIVE (undecided)" in success and "0.8398" in success and "0.85" in success
    assert "about 120 more episodes are needed at the present rate" in success
    assert "INCONCLUSIVE (not assessed)" in next(line for line in lines if "4 consistency" in line)
    assert sum("simulation" in line for line in lines) == 4


def test_status_shows_the_agent_beside_the_baselines_with_its_lead() -> None:
    """A row for each policy; the lead stands where there is one, with its interval."""
    policies = (
        ComparedPolicy("agent", Bounded(0.9, 0.88, 0.92)),
        ComparedPolicy("linear-bid", Bounded(0.6, 0.55, 0.65), Bounded(0.3, 0.28, 0.32)),
    )
    console = Console(width=300, record=True)
    console.print(*baselines_of([Comparison("exam", "share of the attainable profit", 128, policies)]))
    lines = console.export_text().splitlines()
    rule = next(line for line in lines if "linear-bid" in line)
    assert "0.6 (0.55 to 0.65)" in rule and "0.3 (0.28 to 0.32)" in rule
    assert "0.9 (0.88 to 0.92)" in next(line for line in lines if "agent " in line and "exam" in line)
    assert baselines_of([]) == []


def test_status_shows_how_the_reward_moves() -> None:
    """A row for each window that is full, with the slope's interval and the trend in words; none before."""
    console = Console(width=200, record=True)
    console.print(*learning_of(window_trends([at / 100 for at in range(60)])))
    lines = console.export_text().splitlines()
    assert "+1.000 (+1.000 to +1.000)" in lines[-1] and "rises (p = " in lines[-1]
    assert [line.split()[0] for line in lines if "rises" in line] == ["10", "50"]
    assert learning_of(()) == []


def test_before_the_first_gate_there_is_no_table() -> None:
    """A phase that runs has no criteria yet."""
    assert criteria_of([PhaseView(Phase.SIMULATION, "running", 0)]) == []
