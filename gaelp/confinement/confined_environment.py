"""Foreign environments in child processes, played as if they were here. Touch this with hosted_environments.py.

An environment's own numbers are the world's, and are taken as they are; an agent under test never shares its process.
Shapes, types and finiteness are checked here, whatever the child has checked before.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import numpy as np

from gaelp.agents.agent_failures import LONGEST, BrokenVerb
from gaelp.agents.contract import HEADS, Decision, Observation, WorldShape
from gaelp.arrays import F8, Array
from gaelp.confinement import limits
from gaelp.confinement.confined_process import ConfinedProcess
from gaelp.confinement.frames import Arrays, Head
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.scoring.regret import Regret
from gaelp.market.third_party.environment_errors import BrokenContract, UnknownEnvironment

Seconds = Callable[[], float]
# What a trajectory has of each tick and campaign: "" one number, S one of each segment, SK one of each creative too.
TRAJECTORY = {"impressions": "SK", "clicks": "SK", "matured_conversions": "SK", "cost_micros": "SK", "hour": ""}
TRAJECTORY |= {"weekday": "", "budget_left_micros": "", "revenue_micros": "", "bid_micros": "S", "creative_prob": "SK"}


class ConfinedEnvironments:
    """Opens episodes of foreign environments; see gaelp/market/third_party/foreign_environment.py for what they are."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self._idle: list[_Asked] = []
        self._lock = threading.Lock()

    def episodes(self, environment: str, config: TrainingConfiguration, seeds: Sequence[int]) -> ConfinedEpisodes:
        """C campaigns in a process that plays nothing else meanwhile. Raises UnknownEnvironment, BrokenContract."""
        return ConfinedEpisodes(self._taken(environment), self._keep, config, seeds)

    def world_shape(self, environment: str) -> WorldShape:
        """The sizes for which an agent's state is made. Raises UnknownEnvironment, BrokenContract."""
        asked = self._taken(environment)
        answer, _ = asked("world_shape")
        self._keep(asked)
        sizes = {field.name: answer.get(field.name) for field in fields(WorldShape)}
        if not all(type(size) is int and 0 <= size < 2**24 for size in sizes.values()):
            raise BrokenContract(f"environment {environment!r} has sizes that are none")
        return WorldShape(**sizes)  # type: ignore[arg-type]

    def close(self) -> None:
        """End all processes that play nothing now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for asked in idle:
            asked.close()

    def _taken(self, environment: str) -> _Asked:
        with self._lock:
            known = [asked for asked in self._idle if asked.environment == environment and asked.alive]
            if known:
                self._idle.remove(known[-1])
        return known[-1] if known else _Asked(environment, self._seconds)

    def _keep(self, asked: _Asked) -> None:
        with self._lock:
            self._idle.append(asked)
            spare = self._idle[: -limits.PROCESSES_KEPT]
            del self._idle[: -limits.PROCESSES_KEPT]
        for each in spare:
            each.close()


class _Asked:
    """The process of one environment."""

    def __init__(self, environment: str, seconds: Seconds) -> None:
        self.environment, self._seconds = environment, seconds
        try:
            self._process = ConfinedProcess(environment)
        except BrokenVerb as problem:
            raise BrokenContract(f"environment {environment!r} cannot be loaded: it {problem}") from problem
        # Nobody closes the episodes of a batch that failed.
        self.close = weakref.finalize(self, self._process.close)

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.alive

    def __call__(
        self, verb: str, head: Head | None = None, arrays: Mapping[str, Array] | None = None
    ) -> tuple[Head, Arrays]:
        asked = {**(head or {}), "verb": verb, "environment": self.environment}
        try:
            answer, given = self._process.ask(asked, arrays, seconds=self._seconds(), most=limits.LARGEST_STATE)
        except BrokenVerb as problem:
            self.close()
            raise BrokenContract(f"environment {self.environment!r}: {verb} {problem}") from problem
        for name, kind in (("unknown", UnknownEnvironment), ("broken", BrokenContract), ("problem", BrokenContract)):
            if name in answer:
                self.close()
                raise kind(" ".join(str(answer[name]).split())[: 4 * LONGEST])
        return answer, given


class ConfinedEpisodes:
    """C campaigns of one batch, as `EpisodesInPlay` of gaelp/market/episodes/batch.py."""

    def __init__(
        self, asked: _Asked, keep: Callable[[_Asked], None], config: TrainingConfiguration, seeds: Sequence[int]
    ) -> None:
        self._asked, self._keep, self._campaigns, self._tick = asked, keep, len(seeds), 0
        # Where a remote agent is, and with which password, is nothing for an environment.
        document = config.model_dump(mode="json", exclude={"remote"})
        self._observation: Observation | None = None
        self._take(*asked("open", {"config": document, "seeds": list(seeds)}))

    @property
    def done(self) -> bool:
        """Whether the episodes have ended."""
        return self._done

    def observe(self) -> Observation:
        """What the environment shows at this tick."""
        assert self._observation is not None
        return Observation.from_arrays({name: value.copy() for name, value in self._observation.to_arrays().items()})

    def step(self, decision: Decision) -> None:
        """Play the tick."""
        heads = {head: np.asarray(value) for head in HEADS if (value := getattr(decision, head)) is not None}
        self._tick += 1
        self._take(*self._asked("step", arrays=heads))

    def summary(self) -> dict[str, Array]:
        """The trajectory so far, as Agent.learn reads it."""
        _, arrays = self._asked("summary")
        per_tick = {name: (self._tick, self._campaigns, *rest) for name, rest in self._rest().items()}
        return {name: self._shaped("trajectory", arrays, name, shape) for name, shape in per_tick.items()} | {
            "segment_features": self.observe().segment_features[0],
            "candidate_features": self.observe().candidate_features[0],
            "click_value_micros": self.observe().click_value_micros,
        }

    def expected_profit_micros(self) -> F8:
        """The profit that the environment reports of whole episodes, f8[C]."""
        return np.asarray(self._numbers(self._asked("profit")[1], "profit"), np.float64)

    def scores(self, incumbent_profit_micros: F8) -> Scores:
        """Scores from the info of the last step."""
        _, arrays = self._asked("scores", arrays={"incumbent": incumbent_profit_micros})
        numbers = {field.name: self._numbers(arrays, field.name) for field in fields(Scores) if field.name != "regret"}
        numbers |= {name: numbers[name].astype(bool) for name in ("success", "counted")}
        if ((numbers["reward"] < 0) | (numbers["reward"] > 1)).any():
            raise self._broken("scores a reward outside of [0, 1]")
        # What is compared with is ours, not the environment's.
        numbers["incumbent_profit_micros"] = incumbent_profit_micros
        regret = Regret(**{field.name: self._numbers(arrays, f"regret_{field.name}") for field in fields(Regret)})
        return Scores(**numbers, regret=regret)

    def close(self) -> None:
        """Give the process back, for other episodes."""
        self._keep(self._asked)

    # ------------------------------------------------------------

    def _take(self, answer: Head, arrays: Arrays) -> None:
        """Check and keep an observation: its shapes and types are those of the first one."""
        try:
            observation = Observation.from_arrays(arrays)
        except KeyError as error:
            raise self._broken(f"observes no {error}") from error
        if self._observation is None:
            segments, candidates = observation.segment_features.shape[1:2], observation.mask.shape[1:2]
            counts = (self._campaigns, *segments, *candidates)
            if observation.hour.shape != (self._campaigns,) or observation.clicks.shape != counts:
                raise self._broken("observes campaigns of other numbers than it was asked for")
        like = (self._observation or observation).to_arrays()
        for name, value in observation.to_arrays().items():
            if (value.shape, value.dtype) != (like[name].shape, like[name].dtype) or len(value) != self._campaigns:
                raise self._broken(f"observes {name} of shape {value.shape} and type {value.dtype}")
        self._observation, self._done = observation, answer.get("done") is True

    def _rest(self) -> dict[str, tuple[int, ...]]:
        """Of each array of the trajectory: its shape within a tick and campaign."""
        segments, candidates = self.observe().clicks.shape[1:]
        shapes = {"": (), "S": (segments,), "SK": (segments, candidates)}
        return {name: shapes[axes] for name, axes in TRAJECTORY.items()}

    def _numbers(self, arrays: Arrays, name: str) -> Array:
        return self._shaped("scores", arrays, name, (self._campaigns,))

    def _shaped(self, what: str, arrays: Arrays, name: str, shape: tuple[int, ...]) -> Array:
        value = arrays.get(name)
        if value is None or value.shape != shape or value.dtype.kind not in "biuf" or not np.isfinite(value).all():
            raise self._broken(f"{what} has no numbers {name} of shape {shape}")
        return value

    def _broken(self, what: str) -> BrokenContract:
        self._asked.close()
        return BrokenContract(f"environment {self._asked.environment!r} at step {self._tick}: {what}")
