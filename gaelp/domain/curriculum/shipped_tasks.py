"""The tasks that ship, each one or two steps away from the run's own market. Touch this to ship another task.

Prices and budgets are shares of the run's own, so that the tasks fit every currency and every profile.
"""

from __future__ import annotations

from decimal import Decimal

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.curriculum_section import SettingValue, Task
from gaelp.money import decimals_of

FEW_CREATIVES, FEW_SEGMENTS = 4, 2


def shipped_tasks(config: TrainingConfiguration) -> tuple[Task, ...]:
    """Prices, budget, delay, drift, fatigue, sizes, the flattery of attribution, and the market as it is."""
    market, economics = config.market, config.economics
    sizes: dict[str, SettingValue] = {
        "market.creatives": min(FEW_CREATIVES, market.creatives),
        "market.segments": min(FEW_SEGMENTS, market.segments),
    }
    drifting: dict[str, SettingValue] = {"market.drift": 0.1, "market.season": 0.2}
    tiring: dict[str, SettingValue] = {"market.audience": market.audience or 20_000, "market.fatigue": 0.2}
    late: dict[str, SettingValue] = {"economics.lag_days": 3 * economics.lag_days}
    return (
        Task(name="few-creatives", settings=sizes),
        Task(name="low-prices", settings=_prices(config, "0.6", 0.7)),
        Task(name="as-configured", requires=("low-prices",)),
        Task(name="high-prices", requires=("low-prices",), settings=_prices(config, "1.5", 1.5)),
        Task(name="small-budget", requires=("as-configured",), settings=_budget(config, "0.5")),
        Task(name="large-budget", requires=("as-configured",), settings=_budget(config, "2")),
        Task(name="late-orders", requires=("as-configured",), settings=late),
        Task(name="drift", requires=("as-configured",), settings=drifting),
        Task(name="fatigue", requires=("few-creatives",), settings=tiring),
        Task(name="flattery", requires=("as-configured",), settings={"market.organic_share": 0.3}),
    )


def _prices(config: TrainingConfiguration, level: str, spread: float) -> dict[str, SettingValue]:
    market = config.market
    median = min(round(market.price_median * Decimal(level), 4), Decimal(1_000_000))
    return {
        "market.price_median": str(median),
        "market.price_spread": min(max(round(market.price_spread * spread, 4), 0.01), 3.0),
    }


def _budget(config: TrainingConfiguration, share: str) -> dict[str, SettingValue]:
    """Never below the smallest unit that can be paid."""
    decimals = decimals_of(config.currency)
    budget = round(config.simulation.daily_budget * Decimal(share), decimals)
    return {"simulation.daily_budget": str(max(budget, Decimal(1).scaleb(-decimals)))}
