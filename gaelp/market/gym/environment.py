"""The market as Gymnasium environments: one campaign, or C of them along the first axis. Touch this to change either.

The reward of a tick is the expected incremental profit of the impressions won in it, in units of the daily budget. The
episode ends, `terminated`, with the campaign's last tick, whose info carries the episode's measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from gaelp.agents.contract import State
from gaelp.arrays import U1, Array
from gaelp.market.gym import spaces
from gaelp.market.gym.gymnasium_campaigns import Campaigns, Given, Info
from gaelp.market.parameters import MarketParameters

STANDARD = "gaelp/AdMarket-v0"


class AdMarketVector(VectorEnv[Any, Any, Array]):
    """`num_envs` campaigns that advance together: one batch of the simulator, and not so many environments.

    `config` is a TrainingConfiguration, or overrides of the defaults such as {"simulation": {"days": 3}}; `market`
    is what calibration.calibrate returns, by default the synthetic market's. `reset(seed=s)` begins episode 0 of
    seed s, a later `reset()` or the step after the last one begins the next; options={"index": i} names another.
    Raises InvalidDecision naming the step where an action has a NaN, a wrong shape or an unknown head.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        environment: str = STANDARD,
        config: Given = None,
        market: MarketParameters | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.num_envs, self.render_mode = num_envs, _known(render_mode)
        self._campaigns = Campaigns(environment, config, market, num_envs)
        self.single_observation_space = self._campaigns.observation_space
        self.single_action_space = self._campaigns.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[spaces.Values, Info]:
        """Begin an episode: the observation of C campaigns, and info."""
        super().reset(seed=seed)
        self._over = False
        return self._campaigns.begin(_root(self.np_random_seed), options, fresh=seed is not None)

    def step(self, actions: spaces.Values) -> tuple[spaces.Values, Array, Array, Array, Info]:
        """One tick for all campaigns. After the last tick the next call begins the next episode, whatever it is given.

        The measures of an episode are in the info of its last tick, arrays [C] each.
        """
        never = np.zeros(self.num_envs, bool)
        if self._over:
            values, info = self.reset()
            return values, np.zeros(self.num_envs), never, never.copy(), info
        values, reward, self._over, info = self._campaigns.play(actions)
        return values, reward, np.full(self.num_envs, self._over), never, info

    def trajectory(self) -> State:
        """The episode so far, as Agent.learn reads it, without the agent's memory."""
        return self._campaigns.trajectory()

    def render(self) -> tuple[U1, ...] | None:
        """A plot of the first campaign so far, with render_mode="rgb_array"."""
        return None if self.render_mode is None else (self._campaigns.picture(),)


class AdMarket(gymnasium.Env[Any, Any]):
    """One campaign: AdMarketVector with num_envs=1, without the axis of campaigns. The arguments are the same."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        environment: str = STANDARD,
        config: Given = None,
        market: MarketParameters | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = _known(render_mode)
        self._campaigns = Campaigns(environment, config, market, 1)
        self.observation_space = self._campaigns.observation_space
        self.action_space = self._campaigns.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[spaces.Values, Info]:
        """Begin an episode; see AdMarketVector."""
        super().reset(seed=seed)
        values, info = self._campaigns.begin(_root(self.np_random_seed), options, fresh=seed is not None)
        return spaces.alone(values), _first(info)

    def step(self, action: spaces.Values) -> tuple[spaces.Values, float, bool, bool, Info]:
        """One tick; raises ResetNeeded after the last one."""
        values = spaces.batched(action) if isinstance(action, Mapping) else action
        observed, reward, over, info = self._campaigns.play(values)
        return spaces.alone(observed), float(reward[0]), over, False, _first(info)

    def render(self) -> U1 | None:
        """A plot of the campaign so far, with render_mode="rgb_array"."""
        return None if self.render_mode is None else self._campaigns.picture()


def _first(info: Info) -> Info:
    return {name: value[0].item() for name, value in info.items()}


def _root(seed: int | None) -> int:
    assert seed is not None  # Gymnasium draws one where none was given
    return seed


def _known(render_mode: str | None) -> str | None:
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode {render_mode!r} is not offered: use 'rgb_array' or none")
    return render_mode
