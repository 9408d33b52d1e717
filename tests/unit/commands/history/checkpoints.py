"""A run whose checkpoint a verb can be asked about: a trained agent's state, the run's rows and the logs it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gaelp.agents.agent_entry_points import load_agent
from gaelp.commands import connections
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import calibrate
from gaelp.records.content_store import ContentStore
from gaelp.records.logs.stored_logs import load_calibrating
from tests.support.command_line import Finished
from tests.support.made_logs import write_log

LOG = "made"
AGENT = "fixed-bid"


def checkpoint_of_a_run(in_process: Callable[..., Finished], folder: Path, agent: str = AGENT) -> str:
    """The digest of an untrained state of `agent`, of a run that went on to live campaigns, on the log LOG."""
    file = write_log(folder / LOG, seed=3)
    assert in_process("ingest", str(file), "--kind", "bandit", "--name", LOG).returncode == 0
    config = TrainingConfiguration.model_validate({"agent": agent, "historical": {"logs": [LOG]}})
    settings = connections.read_settings()
    warehouse = connections.open_warehouse(settings)
    try:
        market = calibrate([*load_calibrating(warehouse, [LOG]).values()], config)
        state = load_agent(agent).initial_state(market.world_shape, np.random.default_rng(0))
        digest = ContentStore(settings.store).put_arrays(state)
        at = connections.now()
        row = {"run": "r", "at": at, "event": "started", "agent": agent, "config": config.model_dump_json()}
        warehouse.append("runs", [row], "r/started")
        shown = {"run": "r", "at": at, "state": "settled", "checkpoint_digest": digest}
        rows = [
            shown | {"phase": "simulation", "episode": "r/simulation/batch-0001", "agent": agent},
            shown | {"phase": "live-test", "episode": "r/live-test/campaign-00", "agent": "candidate: product-a"},
        ]
        warehouse.append("episodes", rows, "r/episodes")
    finally:
        warehouse.close()
    return digest
