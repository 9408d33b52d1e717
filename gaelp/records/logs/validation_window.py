"""Which rows of the logs judge an agent: those that are later than every row that calibrated the market.

Touch this to cut logs otherwise; calibration takes the earlier share of each log (gaelp/market/calibration).
"""

from __future__ import annotations

from collections.abc import Mapping

from gaelp.arrays import Array
from gaelp.records.logs.stored_logs import NOT_PER_ROW, split

Log = Mapping[str, Array]


def calibrated_until(logs: Mapping[str, Log], share: float) -> int:
    """The latest instant of the earlier `share` of any of these logs, in microseconds; -1 where none has times.

    Raises ValueError where a log cannot be split.
    """
    return max((int(split(log, share)[0]["time_us"].max()) for log in logs.values()), default=-1)


def after_calibration(logs: Mapping[str, Log], share: float, name: str) -> dict[str, Array]:
    """The later share of one of the logs, less what is older than a row of any that calibrated the market.

    A log without times, whose rows are in their own order, has its later share.
    """
    until = calibrated_until(logs, share)
    later = split(logs[name], share)[1]
    keep = (later["time_us"] > until) | (later["time_us"] < 0)
    return {key: values if key in NOT_PER_ROW else values[keep] for key, values in later.items()}
