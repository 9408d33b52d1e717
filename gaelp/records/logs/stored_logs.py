"""Ingested logs as arrays, for whoever calibrates, replays or evaluates.

`split` is by time: nothing of the later part happened before anything of the earlier part.

Touch this to read a log differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import Array
from gaelp.domain.frozen import Frozen
from gaelp.domain.log_evidence import LogKind, calibrates
from gaelp.errors import GaelpError
from gaelp.records.logs.item_features import Items
from gaelp.records.warehouse.warehouse import Warehouse

NOT_PER_ROW = frozenset({"candidate_features", "item_ids"})
_HOUR, _DAY = 3_600_000_000, 86_400_000_000  # microseconds
UNKNOWN_MICROS = int(np.iinfo(np.int64).min)  # an amount that a report does not have; -1 is one that it may have


class UnknownLog(GaelpError, LookupError):
    """There is no ingested log of that name, or it is of another kind."""

    permanent = True


class LogInfo(Frozen):
    """What is known of an ingested log."""

    name: str
    kind: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    notes: dict[str, int]
    content: str
    source: str
    ingested_at: datetime
    window_start: datetime | None
    window_end: datetime | None


def log_info(warehouse: Warehouse, name: str) -> LogInfo:
    """Kind, rows and window of a log; UnknownLog names the logs there are."""
    return _info(_row(warehouse, name))


def known_logs(warehouse: Warehouse) -> list[LogInfo]:
    """Every ingested log, by name."""
    return [_info(row) for row in warehouse.query("SELECT * FROM logs ORDER BY log")]


def load_bandit(warehouse: Warehouse, name: str) -> dict[str, Array]:
    """A bandit log of N rows ordered by time (then line), K items with G features, U user features.

    time_us, hour, weekday (0 = Monday, UTC), position, action (row of candidate_features), click: i8[N];
    propensity f8[N]; user_features str[N, U]; candidate_features f4[K, G]; item_ids str[K].
    """
    row = _row(warehouse, name, "bandit")
    items = Items.from_json(row["items"])
    table = _rows(warehouse, row, "bandit_rows", "at, position, action, propensity, click, user_features")
    arrays = _times(table) | {key: _integers(table, key) for key in ("position", "action", "click")}
    arrays["propensity"] = table["propensity"].to_numpy().astype(np.float64)
    arrays["user_features"] = _user_features(table["user_features"])
    return arrays | {"candidate_features": items.features(), "item_ids": np.array(items.ids, dtype=np.str_)}


def load_calibrating(warehouse: Warehouse, names: Iterable[str]) -> dict[str, dict[str, Array]]:
    """The bandit and market logs among `names`, which calibrate a market, by name and in their order.

    Raises UnknownLog for a name that is no log.
    """
    load = {LogKind.BANDIT.value: load_bandit, LogKind.MARKET.value: load_market}
    kinds = {name: log_info(warehouse, name).kind for name in names}
    return {name: load[kind](warehouse, name) for name, kind in kinds.items() if kind in load}


def is_market_synthetic(warehouse: Warehouse, names: Iterable[str]) -> bool:
    """Whether none of those logs calibrates a run's market."""
    wanted = set(names)
    return not calibrates({info.kind for info in known_logs(warehouse) if info.name in wanted})


def load_market(warehouse: Warehouse, name: str) -> dict[str, Array]:
    """A market log of N rows, by time where it has times, else in log order.

    click, bid (-1: unknown), market_price, line i8[N]; pctr f8[N] (NaN: unknown);
    exchange, creative, advertiser str[N] (empty: unknown); time_us, hour, weekday i8[N], -1 where the log has no times.
    """
    row = _row(warehouse, name, "market")
    table = _rows(
        warehouse, row, "market_rows", "at, click, market_price, bid, pctr, line, exchange, creative, advertiser"
    )
    arrays = _times(table) | {key: _integers(table, key) for key in ("click", "market_price", "bid", "line")}
    arrays["pctr"] = table["pctr"].to_numpy().astype(np.float64)
    return arrays | {key: _texts(table, key) for key in ("exchange", "creative", "advertiser")}


def load_report(warehouse: Warehouse, name: str) -> dict[str, Array]:
    """A campaign report of N rows ordered by day (then line).

    day i8[N] (days since 1970-01-01); days i8[N] (how many a row covers, from that day); impressions, clicks i8[N];
    conversions f8[N] (NaN: unknown), which need be no whole number; cost_micros, revenue_micros, sales_micros i8[N]
    (UNKNOWN_MICROS: unknown), the latter two negative where goods came back; campaign, engagement, banner, placement,
    currency str[N] (empty: unknown); time_us, hour, weekday i8[N].
    """
    row = _row(warehouse, name, "report")
    texts = ("campaign", "engagement", "banner", "placement", "currency")
    numbers, perhaps = ("impressions", "clicks"), ("cost_micros", "revenue_micros", "sales_micros")
    table = _rows(warehouse, row, "report_rows", ", ".join(("at", "until", *texts, *numbers, *perhaps, "conversions")))
    arrays = _times(table) | {key: _integers(table, key) for key in numbers}
    arrays |= {key: _integers(table, key, UNKNOWN_MICROS) for key in perhaps}
    arrays["conversions"] = table["conversions"].to_numpy().astype(np.float64)
    arrays |= {"day": arrays["time_us"] // _DAY, "days": _days(table)}
    return arrays | {key: _texts(table, key) for key in texts}


def load_split_test(warehouse: Warehouse, name: str) -> dict[str, Array]:
    """An A/B test of N rows ordered by day (then line), each a sum over impressions of one arm.

    experiment (empty: not named), arm str[N]; impressions, clicks i8[N]; time_us, hour, weekday i8[N], -1 where the log
    has no days.
    """
    row = _row(warehouse, name, "split-test")
    table = _rows(warehouse, row, "split_test_rows", "at, experiment, arm, impressions, clicks")
    arrays = _times(table) | {key: _integers(table, key) for key in ("impressions", "clicks")}
    return arrays | {key: _texts(table, key) for key in ("experiment", "arm")}


def _days(table: Any) -> Array:
    """How many days the rows of a report cover."""
    begins, ends = (pc.cast(pc.cast(table[name], pa.timestamp("us", tz="UTC")), pa.int64()) for name in ("at", "until"))
    length = pc.add(pc.divide(pc.subtract(ends, begins), _DAY), 1)
    return np.asarray(pc.fill_null(length, 1).to_numpy(), np.int64)


def split(log: Mapping[str, Array], share: float) -> tuple[dict[str, Array], dict[str, Array]]:
    """The earlier `share` of a log's rows and the rest; rows of one instant stay together, so the share is approximate.

    A log without times is split in log order. Raises ValueError where a side would be empty.
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of {share} cannot split a log: it lies between 0 and 1")
    cut = _cut(log["time_us"], share)
    if cut is None:
        raise ValueError(f"a log of {len(log['time_us'])} rows cannot be split at {share}: one part would be empty")
    earlier = {key: values if key in NOT_PER_ROW else values[:cut] for key, values in log.items()}
    later = {key: values if key in NOT_PER_ROW else values[cut:] for key, values in log.items()}
    return earlier, later


def _cut(times: Array, share: float) -> int | None:
    """The row nearest to `share` at which a new instant begins, so that neither side is empty."""
    wanted = int(len(times) * share)
    if not len(times) or times[0] < 0:
        cuts = [wanted]
    else:
        instant = times[wanted]
        cuts = [int(np.searchsorted(times, instant, side="left")), int(np.searchsorted(times, instant, side="right"))]
    possible = [cut for cut in cuts if 0 < cut < len(times)]
    return min(possible, key=lambda cut: abs(cut - wanted), default=None)


def _row(warehouse: Warehouse, name: str, kind: str | None = None) -> dict[str, Any]:
    rows = warehouse.query("SELECT * FROM logs WHERE log = @log", {"log": name})
    if not rows:
        known = ", ".join(info.name for info in known_logs(warehouse)) or "none yet"
        raise UnknownLog(f"there is no log {name!r}; ingested logs: {known}. `starter.py ingest FILE --name {name}`")
    if kind and rows[0]["kind"] != kind:
        raise UnknownLog(f"log {name!r} is a {rows[0]['kind']} log; this needs a {kind} log")
    return rows[0]


def _info(row: Mapping[str, Any]) -> LogInfo:
    return LogInfo(
        name=row["log"],
        ingested_at=row["at"],
        reasons=json.loads(row["reasons"]),
        notes=json.loads(row["notes"]),
        **{key: row[key] for key in ("kind", "rows", "rejected", "content", "source", "window_start", "window_end")},
    )


def _rows(warehouse: Warehouse, row: Mapping[str, Any], name: str, columns: str) -> Any:
    sql = f"SELECT {columns} FROM {name} WHERE log = @log AND content = @content ORDER BY at, line"  # noqa: S608 - ours
    table = warehouse.columns(sql, {"log": row["log"], "content": row["content"]})
    if table.num_rows != row["rows"]:
        raise UnknownLog(
            f"log {row['log']!r} has {table.num_rows} rows of {row['rows']}: restore {name}, or ingest again"
        )
    return table


def _times(table: Any) -> dict[str, Array]:
    instants = pc.cast(pc.cast(table["at"], pa.timestamp("us", tz="UTC")), pa.int64())
    time_us = pc.fill_null(instants, -1).to_numpy().astype(np.int64)
    known = time_us >= 0
    days = time_us // _DAY
    return {
        "time_us": time_us,
        "hour": np.where(known, time_us // _HOUR % 24, -1),
        "weekday": np.where(known, (days + 3) % 7, -1),  # 1970-01-01 was a Thursday
    }


def _integers(table: Any, key: str, unknown: int = -1) -> Array:
    return np.asarray(pc.fill_null(table[key], unknown).to_numpy(), np.int64)


def _texts(table: Any, key: str) -> Array:
    return np.array(pc.fill_null(table[key], "").to_pylist(), dtype=np.str_)


def _user_features(column: Any) -> Array:
    """JSON arrays to str[N, U]; few distinct users, so each text is read once."""
    encoded = pc.dictionary_encode(column).combine_chunks()
    values = np.array([json.loads(text) for text in encoded.dictionary.to_pylist()], dtype=np.str_)
    chosen: Array = values.reshape(len(encoded.dictionary), -1)[encoded.indices.to_numpy()]
    return chosen
