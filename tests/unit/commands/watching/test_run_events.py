"""What is told of a run between two looks at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gaelp.commands.watching.run_events import RunEventKind, happened, measured, needs_somebody
from gaelp.commands.watching.snapshot import PhaseView, RunView
from gaelp.commands.watching.wait import exit_code_of
from gaelp.domain.gates.judging import judge_simulation
from gaelp.domain.phases import Phase
from tests.unit.domain.gates.test_judging import count, simulation

AT = datetime(2026, 11, 26, tzinfo=UTC)
RUNNING = PhaseView(Phase.SIMULATION, "running", 0)
BEGUN = RunView("r", "running", "simulation", False, 0, started=AT, memo={"currency": "USD"}, phases=(RUNNING,))


def sentences(before: RunView | None, now: RunView) -> list[str]:
    return [event.sentence for event in happened(before, now)]


def test_each_thing_is_told_once() -> None:
    """A phase that began, its verdict, what a person is needed for, the end; and nothing of it at the next look."""
    criteria = judge_simulation(simulation(success=count(113, 215, more=120), block=None))
    judged = replace(RUNNING, state="completed", ended=AT, verdict="INCONCLUSIVE", criteria=criteria)
    asks = PhaseView(Phase.LIVE_TEST, "awaiting-approval", 0)
    waiting = replace(BEGUN, phases=(judged, asks), awaiting_approval=True)
    passed = sum(each.verdict == "PASS" for each in criteria)
    assert sentences(None, BEGUN) == ["r began at 2026-11-26 00:00:00Z", "r/simulation began"]
    assert sentences(BEGUN, waiting) == [
        f"r/simulation ended: INCONCLUSIVE, {passed} of {len(criteria)} criteria passed",
        "r/live-test began",
        "r/live-test waits for your approval: `starter.py approve r`, or `starter.py reject r`",
    ]
    spent = replace(asks, state="completed", ended=AT, spend_micros=12_000_000, verdict="FAIL", reason="no profit")
    ended = replace(
        BEGUN, phases=(judged, spent), ended=AT, outcome="not-graduated", reason="no profit", spend_micros=12_000_000
    )
    assert sentences(waiting, ended) == [
        "r/live-test ended: FAIL, 12.00 USD spent, no profit",
        "r ended: not-graduated, no profit; 12.00 USD spent",
    ]
    for look in (BEGUN, waiting, ended):
        assert sentences(look, look) == []
    assert sentences(None, ended)[-1] == "r ended: not-graduated, no profit; 12.00 USD spent"


def test_a_wait_is_told_when_it_begins_changes_and_is_over() -> None:
    """What is out of reach is not a person's to decide: `wait` goes on through it."""
    away = replace(BEGUN, waits="tick 3 waits: the platform is away")
    assert sentences(BEGUN, away) == ["r waits: tick 3 waits: the platform is away"]
    assert sentences(away, away) == []
    assert sentences(away, BEGUN) == ["r goes on"]
    assert {event.kind for event in happened(BEGUN, away)} == {RunEventKind.WAITS}
    assert needs_somebody(away) == ""


def test_a_pause_and_a_second_request_call_a_person_again() -> None:
    """A phase that was approved and paused needs somebody for the pause."""
    asks = replace(RUNNING, state="awaiting-approval")
    paused = replace(BEGUN, phases=(replace(RUNNING, state="paused"),))
    assert sentences(replace(BEGUN, phases=(asks,)), paused) == [
        "r/simulation is paused: `starter.py resume r` lets it go on"
    ]
    again = sentences(paused, replace(BEGUN, phases=(asks,)))
    assert again == ["r/simulation waits for your approval: `starter.py approve r`, or `starter.py reject r`"]
    assert "resume r" in needs_somebody(replace(BEGUN, state="paused"))
    assert needs_somebody(replace(paused, ended=AT)) == ""


def test_what_monitoring_holds_is_told_and_calls_a_person_where_he_must_decide() -> None:
    """A hold is told once and `wait` goes on; a pause of monitoring's calls a person; what is undone is told too."""
    hold, pause = "monitoring allows no raise of r/x", "monitoring has paused r/x; `starter.py undo r s` restores it"
    held = replace(BEGUN, held=(hold,))
    paused = replace(BEGUN, held=(pause,), held_for_person=(pause,))
    assert [(each.kind, each.sentence) for each in happened(BEGUN, held)] == [(RunEventKind.HELD, hold)]
    assert sentences(held, held) == [] and needs_somebody(held) == ""
    assert [(each.kind, each.sentence) for each in happened(held, paused)] == [(RunEventKind.HELD, pause)]
    assert (needs_somebody(paused), exit_code_of(paused)) == (pause, 4)
    assert sentences(paused, BEGUN) == ["r: monitoring holds nothing back any more"]
    asks = replace(paused, phases=(replace(RUNNING, state="awaiting-approval"),))
    assert "approve r" in needs_somebody(asks), "what nothing goes on without comes first"


def test_a_measurement_is_told_in_figures() -> None:
    """The step says of which phase."""
    event = measured("r", "simulation/round-0003", {"success": 0.25, "reward": 1234.5})
    assert event.sentence == "r/simulation/round-0003: reward=1,234  success=0.25" and event.phase == "simulation"


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        ("graduated", "graduated", 0),
        ("promoted", "promoted", 0),
        ("interrupted", "interrupted", 1),
        ("failed", "", 1),
        ("terminated", "", 1),
        ("canceled", "", 3),
        ("stopped", "stopped", 3),
    ],
)
def test_how_a_run_ended_is_the_exit_code_of_wait(state: str, outcome: str, code: int) -> None:
    """As of `start --wait`."""
    assert exit_code_of(replace(BEGUN, state=state, outcome=outcome, ended=AT)) == code
