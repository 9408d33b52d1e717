"""A foreign Gymnasium environment, played as the simulator's own episodes are.

What it does not observe is filled in: the hour and weekday from the number of ticks, one-hot segments, candidates that
are all alike, everything allowed, the value of a click from the configuration's economics. Touch this when
`EpisodesInPlay` of market/episodes/batch.py gains a method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from gaelp.agents.contract import Decision, Observation, WorldShape
from gaelp.arrays import B1, F8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.gym import installed_environments
from gaelp.market.gym.registration import SIMULATION
from gaelp.market.gym.spaces import shape_of
from gaelp.market.scoring import episode_scores
from gaelp.market.scoring.regret import Regret
from gaelp.market.third_party.environment_errors import BrokenContract
from gaelp.market.third_party.foreign_contract import REGRET_INFO, agree
from gaelp.market.third_party.foreign_fields import (
    accepted_heads,
    campaign_numbers,
    checked_field,
    default_fields,
    last_measures,
)
from gaelp.market.world.reporting_lag import COUNTS, Tick
from gaelp.money import micros

Worlds = VectorEnv[Any, Any, Any]

MOST_TICKS = 10_000
ROWS = ("hour", "weekday", "budget_left_micros", "revenue_micros", "bid_micros", "creative_prob")


def world_shape(environment: str) -> WorldShape:
    """The sizes for which an agent's state is made. Raises UnknownEnvironment or BrokenContract."""
    worlds = _made(environment, 1)
    worlds.close()
    return shape_of(worlds.single_observation_space)


class ForeignEpisodes:
    """C campaigns of one batch, C = len(seeds): the same seeds give the same world, whoever acts.

    A package that brings a vector environment of its own gets the first seed. Raises BrokenContract naming the
    environment wherever it is not what docs/bring_your_own.md asks for, and where its own code fails.
    """

    def __init__(self, environment: str, config: TrainingConfiguration, seeds: Sequence[int]) -> None:
        self.environment, self.config = environment, config
        self.tick, self.done = 0, False
        self._worlds, self._campaigns = _made(environment, len(seeds)), len(seeds)
        self._length = _length(environment, config)
        self._shape = shape_of(self._worlds.single_observation_space)
        self._action_space = _dict(self._worlds.single_action_space)
        self._cost_before_today = np.zeros(self._campaigns, np.int64)
        self._log: dict[str, list[Array]] = {name: [] for name in (*COUNTS, *ROWS)}
        self._last: Mapping[str, F8] = {}
        seed: Any = list(seeds) if isinstance(self._worlds, SyncVectorEnv) else seeds[0]
        values, _ = self._guarded(lambda: self._worlds.reset(seed=seed))
        self._fields = self._all_fields(values)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that the environment's action space has."""
        return tuple(self._action_space.spaces)

    def observe(self) -> Observation:
        """The environment's fields, and what they leave open filled in."""
        return Observation.from_arrays({name: value.copy() for name, value in self._fields.items()})

    def step(self, decision: Decision) -> Tick:
        """Play the tick: the heads that the environment takes, within the bounds of its action space."""
        before, action = self._fields, accepted_heads(decision, self._action_space, self.config)
        values, _, terminated, truncated, info = self._guarded(lambda: self._worlds.step(action))
        self.tick += 1
        self._fields = self._all_fields(values)
        self._end(np.asarray(terminated) | np.asarray(truncated), info)
        tick = self._tick(before, decision, info)
        self._write(before, decision, action, tick)
        return tick

    def summary(self) -> dict[str, Array]:
        """The trajectory so far, as Agent.learn reads it; the bids and shares are those that the environment took."""
        constant = {name: self._fields[name][0] for name in ("segment_features", "candidate_features")}
        log = {name: np.stack(rows) for name, rows in self._log.items()}
        return {**log, **constant, "click_value_micros": self._fields["click_value_micros"]}

    def expected_profit_micros(self) -> F8:
        """The profit that the environment itself reports of whole episodes, f8[C]."""
        return self._last["profit_micros"]

    def scores(self, incumbent_profit_micros: F8) -> episode_scores.Scores:
        """Scores from the info of the last step, whose `success` is one condition beside profit and spend.

        The budget is that of the days that were played, a day begun counting whole.
        """
        profit, optimum = self._last["profit_micros"], self._last["optimum_micros"]
        simulation = self.config.simulation
        budget = micros(simulation.daily_budget) * -(-self.tick * self.config.clock.tick_hours // 24)
        counted = optimum >= episode_scores.SMALLEST_SCOPE * budget
        ratio = np.where(counted, profit / np.where(counted, optimum, 1.0), 0.0)
        spent = np.stack(self._log["cost_micros"]).sum(axis=(0, 2, 3))
        within = spent <= budget * self.config.market.over_delivery
        nothing = np.zeros(self._campaigns)
        return episode_scores.Scores(
            reward=np.clip(ratio, 0.0, 1.0),
            ratio=ratio,
            success=self._last["success"].astype(bool) & (profit >= incumbent_profit_micros) & within,
            counted=counted,
            profit_micros=profit,
            attributed_profit_micros=self._last.get("attributed_profit_micros", profit),
            incumbent_profit_micros=incumbent_profit_micros,
            optimum_micros=optimum,
            regret=Regret(optimum - profit, *(self._last.get(part, nothing) for part in REGRET_INFO)),
        )

    def close(self) -> None:
        """Close the environments."""
        self._worlds.close()

    # ------------------------------------------------------------

    def _where(self) -> str:
        return f"environment {self.environment!r} at step {self.tick}"

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Foreign code may raise anything; its message is raised again with the environment's name."""
        try:
            return call()
        except Exception as error:
            raise BrokenContract(f"{self._where()} failed with {type(error).__name__}: {error}") from error

    def _all_fields(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Every field of the contract [C, ...]."""
        given = {name: checked_field(name, value, self._where()) for name, value in values.items()}
        whole = {**default_fields(self._shape, self._campaigns, self.tick, self._length, self.config), **given}
        cost = whole["cost_micros"].sum(axis=(1, 2))
        if self.tick * self.config.clock.tick_hours % 24 == 0:
            self._cost_before_today = cost
        if "budget_left_micros" not in given:
            whole["budget_left_micros"] = np.maximum(whole["budget_left_micros"] - (cost - self._cost_before_today), 0)
        return whole

    def _end(self, over: B1, info: Mapping[str, Any]) -> None:
        if over.any() and not over.all():
            some = f"{over.sum()} of {len(over)} campaigns of a batch ended"
            raise BrokenContract(f"{self._where()}: {some}, and all its episodes must be of one length")
        if not over.any() and self.tick >= MOST_TICKS:
            raise BrokenContract(f"{self._where()}: the episode does not end")
        if over.all():
            self._last = last_measures(info, self._campaigns, self._where())
            self.done = True

    def _tick(self, before: Mapping[str, Array], decision: Decision, info: Mapping[str, Any]) -> Tick:
        counts = {name: self._fields[name] - before[name] for name in COUNTS}
        fell = [name for name, count in counts.items() if (count < 0).any()]
        if fell:
            raise BrokenContract(f"{self._where()}: {fell[0]} fell, and it is a total since the campaign began")
        rate = np.ones(self._campaigns) if decision.spend_rate is None else decision.spend_rate
        revenue = np.zeros(self._campaigns)
        if "revenue_micros" in info:
            revenue = campaign_numbers(info, "revenue_micros", self._campaigns, self._where())
        spendable = np.floor(rate * before["budget_left_micros"]).astype(np.int64)
        return Tick(**counts, revenue_micros=revenue.astype(np.int64), spendable_micros=spendable)

    def _write(self, before: Mapping[str, Array], decision: Decision, action: Mapping[str, Array], tick: Tick) -> None:
        done = {name: getattr(tick, name) for name in (*COUNTS, "revenue_micros")}
        heads = {name: action.get(name, getattr(decision, name)) for name in ("bid_micros", "creative_prob")}
        row = {**done, **heads, "hour": before["hour"], "weekday": before["weekday"]}
        row["budget_left_micros"] = tick.spendable_micros
        for name, rows in self._log.items():
            rows.append(np.array(row[name]))


def _made(environment: str, campaigns: int) -> Worlds:
    """C environments of one kind behind one interface, with spaces that agree with the contract."""
    info = installed_environments.load(environment)
    if SIMULATION not in info.phases:
        raise BrokenContract(
            f"environment {environment!r} serves {', '.join(info.phases) or 'no phase'}, not simulation"
        )
    worlds: Worlds
    try:
        if gymnasium.spec(environment).vector_entry_point is not None:
            worlds = gymnasium.make_vec(environment, num_envs=campaigns)
        else:
            make = partial(gymnasium.make, environment)
            worlds = SyncVectorEnv([make] * campaigns, autoreset_mode=AutoresetMode.DISABLED)
    except Exception as error:
        raise BrokenContract(f"environment {environment!r} cannot be made: {type(error).__name__}: {error}") from error
    agree(environment, worlds.single_observation_space, worlds.single_action_space)
    return worlds


def _length(environment: str, config: TrainingConfiguration) -> int:
    """Ticks of an episode as far as one can know before it ends: what was registered, else the configuration's days."""
    registered = gymnasium.spec(environment).max_episode_steps
    return registered or config.simulation.days * 24 // config.clock.tick_hours


def _dict(space: gymnasium.Space[Any]) -> spaces.Dict:
    assert isinstance(space, spaces.Dict)  # foreign_contract.agree checks it
    return space
