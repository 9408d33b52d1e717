"""The rows of a bandit log as an estimator reads them, and the policies that it can judge; what cannot be is refused.

A policy is f8[24, S, K], the probability of showing item k to segment s at hour h, or f8[P, 24, S, K] where it depends
on the position too. Touch this when an estimator needs another column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gaelp.arrays import B1, F8, I8, Array
from gaelp.errors import GaelpError

HOURS = 24
BLOCKS = 200  # consecutive stretches of a log, of as many rows each as can be

Integers = npt.NDArray[np.signedinteger[Any]] | npt.NDArray[np.unsignedinteger[Any]]


class InvalidLog(GaelpError, ValueError):
    """A bandit log or a policy cannot be evaluated; the message names the column and the remedy."""


@dataclass(frozen=True)
class BanditRows:
    """Rows in order of time, all [N] and as narrow as they can be; checked by `read`."""

    hour: Integers
    segment: Integers
    action: Integers
    propensity: F8
    click: B1
    position: Integers  # 0 for the first of the positions that occur
    positions: tuple[int, ...]  # those that occur, as the log names them

    def __len__(self) -> int:
        return self.click.size

    def blocks(self) -> Iterator[BanditRows]:
        """The log in BLOCKS consecutive stretches, or one for each row where it has fewer rows."""
        edges = block_edges(len(self))
        for start, end in pairwise(edges.tolist()):
            part = slice(start, end)
            yield BanditRows(self.hour[part], self.segment[part], self.action[part], self.propensity[part],
                             self.click[part], self.position[part], self.positions)  # fmt: skip


def block_edges(rows: int) -> I8:
    """Where the blocks of that many rows begin, and where the last one ends."""
    return np.linspace(0, rows, min(rows, BLOCKS) + 1).astype(np.int64)


def read(log: Mapping[str, Array], segment: I8) -> BanditRows:
    """The columns that evaluation needs, as numbers; raises InvalidLog."""
    missing = [name for name in ("action", "propensity", "click", "hour") if name not in log]
    if missing:
        raise InvalidLog(f"the log has no column {', '.join(missing)}: ingest it as a bandit log")
    position = np.asarray(log.get("position", np.zeros(len(log["click"]), np.uint8)))
    sizes = {column.size for column in (*(log[n] for n in ("hour", "action", "propensity", "click")), segment)}
    if sizes == {0} or len(sizes | {position.size}) != 1:
        raise InvalidLog(f"the log's columns have {sorted(sizes)} rows: give columns of one length above 0")
    propensity = np.asarray(log["propensity"], np.float64)
    _require((propensity > 0) & (propensity <= 1), "propensity", "lie in (0, 1]")
    _require((log["click"] == 0) | (log["click"] == 1), "click", "be 0 or 1")
    _require((log["hour"] >= 0) & (log["hour"] < HOURS), "hour", "lie in 0 to 23")
    names = np.unique(position)
    return BanditRows(
        hour=log["hour"].astype(np.uint8),
        segment=segment.astype(np.int32),
        action=log["action"].astype(np.int32),
        propensity=propensity,
        click=log["click"].astype(bool),
        position=np.searchsorted(names, position).astype(np.uint16),
        positions=tuple(int(name) for name in names),
    )


def whole_policy(name: str, policy: F8, rows: BanditRows) -> F8:
    """The policy f8[P, 24, S, K] by every position that occurs.

    Raises InvalidLog unless it sums to one over K, and has the log's segments, items and positions.
    """
    whole = policy[None] if policy.ndim == 3 else policy
    positions = len(rows.positions)
    if whole.ndim != 4 or whole.shape[1] != HOURS or whole.shape[0] not in (1, positions):
        raise InvalidLog(f"policy {name!r} has shape {policy.shape}: give [24, segments, items]")
    if not np.isfinite(whole).all() or (whole < 0).any() or not np.allclose(whole.sum(axis=3), 1.0):
        raise InvalidLog(f"policy {name!r} is not a probability over items in every hour and segment")
    _require((rows.segment >= 0) & (rows.segment < whole.shape[2]), "segment", f"be one that policy {name!r} has")
    _require((rows.action >= 0) & (rows.action < whole.shape[3]), "action", f"be an item that policy {name!r} has")
    return np.broadcast_to(whole, (positions, *whole.shape[1:]))


def _require(good: B1, column: str, rule: str) -> None:
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise InvalidLog(f"{column} of row {row} must {rule}: correct the log or ingest it again")
