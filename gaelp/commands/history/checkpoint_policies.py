"""A checkpoint as a policy for a bandit log: its agent, run and market are found in the warehouse.

The agent's code runs in a confined process, as everywhere. Touch this to ask another kind of checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gaelp.arrays import F8, I8, Array
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.market.parameters import MarketParameters
    from gaelp.records.warehouse.warehouse import Warehouse

_MADE_BY = """
SELECT e.agent, r.config
FROM episodes AS e
JOIN runs AS r ON r.run = e.run AND r.event = 'started'
WHERE e.checkpoint_digest = @checkpoint AND e.agent IS NOT NULL
ORDER BY e.at DESC
LIMIT 1
"""


def checkpoint_policy(checkpoint: str, rows: Mapping[str, Array]) -> tuple[F8, I8, str]:
    """Shares f8[24, S, K], the segment i8[N] of each row, and the agent's name. Raises Refused."""
    from gaelp.confinement.confined_agent import ConfinedAgents
    from gaelp.market.logged_policy import agent_policy
    from gaelp.records.content_store import ContentStore

    settings = connections.read_settings()
    warehouse = connections.open_warehouse(settings)
    try:
        name, config, market = _made_by(warehouse, checkpoint)
    finally:
        warehouse.close()
    items = len(rows["item_ids"])
    if items != market.ctr.shape[1]:
        raise Refused(f"the log has {items} items, and the checkpoint knows {market.ctr.shape[1]}: name its own logs")
    agents = ConfinedAgents()
    try:
        shares = agent_policy(agents(name), ContentStore(settings.store).get_arrays(checkpoint), market, config)
    finally:
        agents.close()
    try:
        return shares, market.segmentation.assign(rows["user_features"]), name
    except ValueError as error:
        raise Refused(str(error)) from None


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
