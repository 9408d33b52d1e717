"""A foreign environment in a child process is played as one in this process, and what its child says is checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import load_agent
from gaelp.confinement.confined_environment import ConfinedEnvironments
from gaelp.confinement.confined_process import ConfinedProcess
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.streams import stream
from gaelp.market.third_party.environment_errors import BrokenContract, UnknownEnvironment
from gaelp.records.content_store import arrays_digest
from tests.support.installed_packages import installed as installed

PAGE = (Path(__file__).parents[3] / "docs/bring_your_own.md").read_text()
POSTERS = re.findall(r"```python\n# two_posters.py\n(.*?)```", PAGE, re.DOTALL)[0]
PROJECT = [tomllib.loads(each) for each in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)][1]
CONFIG = TrainingConfiguration.model_validate(
    {"environment": "posters/TwoPosters-v0", "simulation": {"campaigns_per_batch": 3}, "seed": 7}
)


@pytest.fixture
def worlds(installed: Callable[..., Path]) -> Iterator[ConfinedEnvironments]:
    """Worlds of this test, with the page's environment installed."""
    installed({"two_posters": POSTERS}, PROJECT)
    made = ConfinedEnvironments(lambda: 30.0)
    yield made
    made.close()


def test_a_batch_is_the_same_to_the_last_bit(worlds: ConfinedEnvironments) -> None:
    """Equal seeds give equal trajectories and results, whether the environment lives here or in a child."""
    shape = worlds.world_shape(CONFIG.environment)
    assert (shape.segments, shape.candidates) == (1, 2)
    agent, incumbent = load_agent("linear-thompson"), load_agent("fixed-bid")
    states = [each.initial_state(shape, stream(7, "state")) for each in (agent, incumbent)]
    deciding = DecidingAgent(agent, states[0], incumbent, states[1])
    played = [
        simulate(calibrate([], CONFIG), deciding, CONFIG, BatchKey(0, BatchPurpose.TRAIN, 0), opened)
        for opened in (None, worlds.episodes)
    ]
    assert arrays_digest(played[0][0]) == arrays_digest(played[1][0])
    assert played[0][1] == played[1][1] and played[0][1].impressions > 0


def test_a_process_plays_one_batch_after_another(worlds: ConfinedEnvironments) -> None:
    """Episodes that were closed leave their process to the next ones; two that are open do not share one."""
    first, second = (worlds.episodes(CONFIG.environment, CONFIG, (1, 2)) for _ in range(2))
    used = {each._asked._process.pid for each in (first, second)}
    first.close()
    third = worlds.episodes(CONFIG.environment, CONFIG, (3, 4))
    assert len(used) == 2 and third._asked._process.pid == first._asked._process.pid
    second.close()
    third.close()


def test_an_unknown_environment_is_named(worlds: ConfinedEnvironments) -> None:
    """The child's own sentence reaches us, with its suggestion."""
    with pytest.raises(UnknownEnvironment, match=r"no environment 'posters/TwoPoster-v0' .* did you mean"):
        worlds.world_shape("posters/TwoPoster-v0")


def test_an_environment_that_ends_its_process_is_named(
    worlds: ConfinedEnvironments, installed: Callable[..., Path]
) -> None:
    """A step that exits breaks the contract in a sentence, and no more."""
    dying = POSTERS.replace("share = (action", "import os; os._exit(5); share = (action")
    installed({"two_posters": dying}, PROJECT)
    episodes = worlds.episodes(CONFIG.environment, CONFIG, (1, 2, 3))
    with pytest.raises(BrokenContract, match=r"TwoPosters-v0': step ended its own process with exit code 5"):
        episodes.step(_decision())


@pytest.mark.parametrize(
    ("verb", "name", "value", "said"),
    [
        ("scores", "reward", np.full(3, 2.0), r"a reward outside of \[0, 1\]"),
        ("scores", "optimum_micros", np.full(3, np.nan), "scores has no numbers optimum_micros"),
        ("scores", "success", np.ones(2, bool), "scores has no numbers success"),
        ("summary", "impressions", np.zeros((1, 3, 1, 9), np.int64), "trajectory has no numbers impressions"),
        ("step", "clicks", np.zeros((3, 1, 9), np.int64), "observes clicks of shape"),
        ("step", "mask", np.zeros((4, 2), bool), "observes mask of shape"),
    ],
)
def test_what_a_child_forges_is_found(
    worlds: ConfinedEnvironments, monkeypatch: pytest.MonkeyPatch, verb: str, name: str, value: object, said: str
) -> None:
    """A child that answers other shapes or numbers than an environment may have breaks the contract."""
    episodes, ask = worlds.episodes(CONFIG.environment, CONFIG, (1, 2, 3)), ConfinedProcess.ask

    def forged(self: ConfinedProcess, head: dict[str, object], *more: object, **options: object) -> object:
        if head["verb"] != verb:
            return ask(self, head, *more, **options)  # type: ignore[arg-type]
        whole = {each: np.zeros(3) for each in SCORES} if verb == "scores" else {}
        arrays = ask(self, head, *more, **options)[1] if verb == "step" else whole  # type: ignore[arg-type]
        return {}, {**arrays, name: value}

    monkeypatch.setattr(ConfinedProcess, "ask", forged)
    with pytest.raises(BrokenContract, match=said):
        episodes.step(_decision())
        if verb == "summary":
            episodes.summary()
        episodes.scores(np.zeros(3))


SCORES = ("reward", "ratio", "success", "counted", "profit_micros", "attributed_profit_micros")
SCORES += ("incumbent_profit_micros", "optimum_micros")


def _decision():  # type: ignore[no-untyped-def]
    from gaelp.agents.contract import Decision

    return Decision(np.full((3, 1), 1_000_000), np.full((3, 1, 2), 0.5))
