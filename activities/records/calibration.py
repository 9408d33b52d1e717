"""RECORDS: calibrates the market on the earlier part of the logs; the later part is kept for judging.

Touch this to calibrate on something else.
"""

from __future__ import annotations

from temporalio import activity

from activities.inputs import Inputs
from gaelp.domain.spending.card_facts import RunTerms
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import Calibrated, CalibrateMarket
from gaelp.records.logs.stored_logs import is_market_synthetic, load_bandits
from gaelp.records.warehouse.warehouse import Warehouse


class Calibration:
    """Reads the warehouse, writes content."""

    def __init__(self, inputs: Inputs, warehouse: Warehouse) -> None:
        self._inputs = inputs
        self._warehouse = warehouse

    def terms(self, config_digest: str, market_digest: str) -> RunTerms:
        """What the card of an approval says of a run's configuration and market."""
        config = self._inputs.config(config_digest)
        return RunTerms(
            config=config,
            synthetic_market=is_market_synthetic(self._warehouse, config.historical.logs),
            creatives=self._inputs.market(market_digest).ctr.shape[1],
        )

    @activity.defn(no_thread_cancel_exception=True)
    def calibrate_market(self, calibrate_market: CalibrateMarket) -> Calibrated:
        """Market arrays from the configured bandit logs; a synthetic market where there are none."""
        config = self._inputs.config(calibrate_market.config_digest)
        market = calibrate([*load_bandits(self._warehouse, config.historical.logs).values()], config)
        return Calibrated(market_digest=self._inputs.store.put_arrays(market.to_arrays()))
