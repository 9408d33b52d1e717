"""What an installed agent does wrong is told with its name, the verb and the place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from temporalio.exceptions import CancelledError

from activities.inputs import NOT_ITS_OWN
from gaelp.agents.agent_failures import AgentFailed, InstalledAgent
from gaelp.agents.contract import InvalidDecision
from gaelp.agents.policies.baselines import FixedBid
from gaelp.records.content_store import MissingContent


class Odd(FixedBid):
    """Does in each verb what it is told."""

    name = "odd"

    def __init__(self, does: Any) -> None:
        self.does = does

    def act(self, *_: Any) -> Any:
        return self.does()

    def learn(self, *_: Any) -> Any:
        return self.does()


def raising(error: BaseException) -> Any:
    def does() -> None:
        raise error

    return does


CASES = {
    "raises": (
        raising(ZeroDivisionError("my\nbug")),
        r"raised ZeroDivisionError: my bug \(test_agent_failures\.py:\d+\)",
    ),
    "says nothing": (raising(KeyError()), r"raised KeyError \(test_agent_failures\.py:\d+\)"),
    "a dictionary": (lambda: {"bid_micros": 1}, r"returned a dict and must return"),
    "one too many": (lambda: (1, 2, 3), r"returned a tuple of 3 and must return"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_an_agent_does_wrong_is_told_with_its_name_and_place(case: str) -> None:
    """One line names the agent, the verb, the step of a decision, and the line of its own code."""
    does, said = CASES[case]
    with pytest.raises(AgentFailed, match=rf"^agent 'odd': act at step 4 {said}") as failure:
        InstalledAgent(Odd(does), step=4).act({}, None, np.zeros(1), np.random.default_rng(1))  # type: ignore[arg-type]
    assert "\n" not in str(failure.value)
    if case != "a dictionary":
        with pytest.raises(AgentFailed, match=rf"^agent 'odd': learn {said.replace('must return', '')}"):
            InstalledAgent(Odd(does)).learn({}, [])


@pytest.mark.parametrize("error", [CancelledError("stop"), MissingContent("gone"), InvalidDecision("a NaN")])
def test_what_is_not_the_agents_passes(error: Exception) -> None:
    """A cancellation and content that is gone stay what they are, or they would be retried, or not, wrongly."""
    with pytest.raises(type(error)):
        InstalledAgent(Odd(raising(error)), passing=NOT_ITS_OWN).learn({}, [])


def test_a_state_that_is_no_arrays_is_refused() -> None:
    """What could not be stored is named where it was made."""
    with pytest.raises(
        AgentFailed, match="agent 'odd': learn returned a list as 'weights', which must be a numpy array"
    ):
        InstalledAgent(Odd(lambda: {"weights": [1, 2]})).learn({}, [])
    assert InstalledAgent(Odd(lambda: {"rounds": np.float64(3)})).learn({}, []) == {"rounds": 3}


def test_a_class_without_a_file_is_told_of_all_the_same() -> None:
    """An agent made at run time, or in C, hides nothing of its own error."""
    made: dict[str, Any] = {}
    exec("class Made(Odd):\n    def act(self, *_):\n        raise ValueError('mine')\n", {"Odd": Odd}, made)  # noqa: S102
    with pytest.raises(AgentFailed, match=r"^agent 'odd': act at step 0 raised ValueError: mine \("):
        InstalledAgent(made["Made"](None)).act({}, None, np.zeros(1), np.random.default_rng(1))  # type: ignore[arg-type]
