"""A checkpoint as a policy for a log: its agent, run and market are found in the warehouse.

The agent's code runs in a confined process, as everywhere. Touch this to ask another kind of checkpoint.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gaelp.agents.contract import Agent, State
    from gaelp.arrays import F8, I8, Array
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.market.parameters import MarketParameters
    from gaelp.records.warehouse.warehouse import Warehouse

_MADE_BY = """
SELECT r.agent, r.config
FROM episodes AS e
JOIN runs AS r ON r.run = e.run AND r.event = 'started'
WHERE e.checkpoint_digest = @checkpoint AND r.agent IS NOT NULL
ORDER BY e.at DESC
LIMIT 1
"""


def is_checkpoint(policy: str) -> bool:
    """Whether the words name a checkpoint: a digest."""
    return re.fullmatch(r"[0-9a-f]{64}", policy) is not None


def checkpoint_policy(checkpoint: str, rows: Mapping[str, Array]) -> tuple[F8, I8, str]:
    """Shares f8[24, S, K], the segment i8[N] of each row, and the agent's name. Raises Refused."""
    from gaelp.market.logged_policy import agent_policy

    name, config, market = _found(checkpoint)
    items = len(rows["item_ids"])
    if items != market.ctr.shape[1]:
        raise Refused(f"the log has {items} items, and the checkpoint knows {market.ctr.shape[1]}: name its own logs")
    with _asked(checkpoint, name) as (agent, state):
        shares = agent_policy(agent, state, market, config)
    try:
        return shares, market.segmentation.assign(rows["user_features"]), name
    except ValueError as error:
        raise Refused(str(error)) from None


def checkpoint_bids(checkpoint: str, hours: I8) -> tuple[F8, str]:
    """The bid in micros per thousand impressions of each auction, f8[N], and the agent's name. Raises Refused.

    `hours` i8[N] are the auctions' hours of the day, -1 where the log has no times: they get the mean over the traffic.
    """
    from gaelp.market.logged_policy import agent_bids, bids_at

    name, config, market = _found(checkpoint)
    with _asked(checkpoint, name) as (agent, state):
        bids = agent_bids(agent, state, market, config)
    if bids is None:
        raise Refused(f"agent {name} gives no bids: there is nothing of it to replay")
    return bids_at(bids, market, hours), name


@contextmanager
def _asked(checkpoint: str, name: str) -> Iterator[tuple[Agent, State]]:
    """The agent in a process of its own, and its state."""
    from gaelp.confinement.confined_agent import ConfinedAgents
    from gaelp.records.content_store import ContentStore

    state = ContentStore(connections.read_settings().store).get_arrays(checkpoint)
    agents = ConfinedAgents()
    try:
        yield agents(name), state
    finally:
        agents.close()


def _found(checkpoint: str) -> tuple[str, TrainingConfiguration, MarketParameters]:
    warehouse = connections.open_warehouse(connections.read_settings())
    try:
        return _made_by(warehouse, checkpoint)
    finally:
        warehouse.close()


def _made_by(warehouse: Warehouse, checkpoint: str) -> tuple[str, TrainingConfiguration, MarketParameters]:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.market.calibration.calibrate import calibrate
    from gaelp.records.logs.stored_logs import load_calibrating

    made = warehouse.query(_MADE_BY, {"checkpoint": checkpoint})
    if not made:
        raise Refused(f"the warehouse knows no run with checkpoint {checkpoint}: see `starter.py checkpoints RUN`")
    config = TrainingConfiguration.model_validate_json(made[0]["config"])
    market = calibrate([*load_calibrating(warehouse, config.historical.logs).values()], config)
    return made[0]["agent"], config, market
