"""The agent's bids on the later part of a market log, in the account's currency (docs/history.md).

Touch this to ask an agent for its bids otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from activities.inputs import Inputs
from gaelp.arrays import Array
from gaelp.evidence.history.bid_comparison import compare_bids
from gaelp.evidence.history.paired_bids import pair_bids
from gaelp.evidence.history.policy_panel import NoPanel, calibrating_and_later
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.calibration.market_log import sold_auctions
from gaelp.market.logged_policy import agent_bids, bids_at
from gaelp.market.streams import stream
from gaelp.messages.log_replay import LogEvidence, ReplayLog
from gaelp.money import MICROS_PER_UNIT, micros


def beside_rules(found: LogEvidence, replay: ReplayLog, rows: Mapping[str, Array], inputs: Inputs) -> LogEvidence:
    """The evidence with the agent beside the logger and the rules, or with why log or agent knows too little."""
    context, log = replay.context, replay.log
    config, market = inputs.config(context.config_digest), inputs.market(context.market_digest)
    try:
        parts = calibrating_and_later(rows, log.earlier)
    except NoPanel as why:
        return found.model_copy(update={"no_bids": str(why)})
    agent = inputs.agent(context.agent, context.config_digest, "historical")
    by_hour = agent_bids(agent, inputs.state(context.checkpoint_digest), market, config)
    if by_hour is None:
        return found.model_copy(update={"no_bids": "the agent gives no bids"})
    sold = sold_auctions(rows, config.historical.calibration_share, config.market.segments)
    unit = sold.unit_micros(max(micros(config.market.price_median), 1))
    before, after = parts
    bids = np.floor(bids_at(by_hour, market, rows["hour"][log.earlier :]) / unit * after.pctr / before.pctr.mean())
    worth = click_value_micros(config.economics)
    rng = stream(config.seed, "historical", "bids", log.log)
    compared = compare_bids(parts, bids, 1000 * worth / unit, unit / MICROS_PER_UNIT, rng)
    return found.model_copy(
        update={
            "estimates": compared.estimates,
            "differences": compared.differences,
            "bids": pair_bids(parts, bids, rows["bid"][log.earlier :]),
            "unit": f"{config.currency} that 1,000 auctions bring, at {worth / MICROS_PER_UNIT:.2f} a click",
        }
    )
