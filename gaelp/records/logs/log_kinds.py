"""The three kinds of log: which columns they have, and what makes a row bad.

A format is recognised by its header; `mapping` names the columns that are not: canonical name -> header of the file.
Touch this to take another format or another kind of log; a new kind also needs its name in
gaelp/domain/log_evidence.py, its table in gaelp/records/warehouse/schema.py and a reader in stored_logs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from gaelp.records.logs import log_columns as column
from gaelp.records.logs.log_files import IngestError, fields, shown

Columns = Mapping[str, Any]
USER_FEATURES = "user_feature_"  # Open Bandit's 80 user-item affinities are not kept: no agent of ours reads them


@dataclass(frozen=True)
class Field:
    """One canonical column of a log."""

    name: str
    stored: str  # the warehouse's column
    parse: column.Parser
    wrong: str  # the reason a bad value is rejected with
    aliases: tuple[str, ...] = ()
    default: str | None = None  # None: the column is required
    blank: bool = False  # a blank value is null, not bad


@dataclass(frozen=True)
class Check:
    """A rule over several columns of a good row."""

    reason: str
    bad: Callable[[Columns], Any]  # -> boolean pyarrow array; null counts as false


@dataclass(frozen=True)
class Kind:
    """A kind of log. Rows that fail a check are rejected; rows that fit a note are kept and counted."""

    name: str
    table: str
    fields: tuple[Field, ...]
    ids: tuple[str, ...] = ()  # headers that name a row: with one, an equal row is a duplicate
    equal_rows: bool = False  # equal rows are duplicates even without such a header
    checks: tuple[Check, ...] = ()
    notes: tuple[Check, ...] = ()
    headerless: tuple[str, ...] = ()  # names of the columns of the tab-separated form without a header


def _exceeds(reason: str, more: str, less: str) -> Check:
    return Check(reason, lambda columns: pc.greater(columns[more], columns[less]))


_COUNT = "is not a non-negative integer"
_MONEY = "is not an amount of 0 or more"
_CONVERSIONS = ("post_click_conversions",)
_TIME = "is not a date and time (ISO 8601)"

BANDIT = Kind(
    "bandit",
    "bandit_rows",
    (
        Field("timestamp", "at", column.instants, f"timestamp {_TIME}"),
        Field("item_id", "item", column.names, "item_id is blank", ("item", "action")),
        Field("position", "position", column.integers, f"position {_COUNT}", default="1"),
        Field("click", "click", column.flags, "click is not 0 or 1"),
        Field("propensity_score", "propensity", column.propensities, "propensity is not in (0, 1]", ("propensity",)),
    ),
    ids=("", "id", "impression_id"),
)
MARKET = Kind(
    "market",
    "market_rows",
    (
        Field("date", "at", column.instants, f"date {_TIME}", ("timestamp", "Timestamp"), default="", blank=True),
        Field("click", "click", column.flags, "click is not 0 or 1", ("IsClick",)),
        Field("market_price", "market_price", column.integers, f"market price {_COUNT}", ("PayingPrice",)),
        Field("bid", "bid", column.integers, f"bid {_COUNT}", ("BiddingPrice",), default="", blank=True),
        Field("pctr", "pctr", column.probabilities, "pctr is not in [0, 1]", default="", blank=True),
        Field("exchange", "exchange", column.texts, "", ("AdExchange",), default=""),
        Field("creative", "creative", column.texts, "", ("CreativeID",), default=""),
    ),
    ids=("id", "BidID"),
    checks=(_exceeds("market price exceeds the bid", "market_price", "bid"),),
    headerless=("click", "market_price", "pctr", "exchange"),
)
REPORT = Kind(
    "report",
    "report_rows",
    (
        Field("date", "at", column.instants, f"date {_TIME}", ("day",)),
        Field("campaign", "campaign", column.names, "campaign is blank", ("campaign_number",)),
        Field("engagement", "engagement", column.texts, "", ("user_engagement",), default=""),
        Field("banner", "banner", column.texts, "", default=""),
        Field("placement", "placement", column.texts, "", default=""),
        Field("impressions", "impressions", column.integers, f"impressions {_COUNT}", ("displays",)),
        Field("clicks", "clicks", column.integers, f"clicks {_COUNT}"),
        Field("cost", "cost_micros", column.amounts, f"cost {_MONEY}"),
        Field("conversions", "conversions", column.integers, f"conversions {_COUNT}", _CONVERSIONS, "", True),
        Field("revenue", "revenue_micros", column.amounts, f"revenue {_MONEY}", default="", blank=True),
        Field("sales", "sales_micros", column.amounts, f"sales {_MONEY}", ("post_click_sales_amount",), "", True),
    ),
    equal_rows=True,
    checks=(_exceeds("clicks exceed impressions", "clicks", "impressions"),),
    notes=(
        Check("placement is blank", lambda columns: pc.is_null(columns["placement"])),
        # A click may lead to several orders, and orders may be reported on a later day than their click.
        _exceeds("conversions exceed clicks", "conversions", "clicks"),
        Check(
            "cost is 0 although there are impressions",
            lambda columns: pc.and_(pc.equal(columns["cost_micros"], 0), pc.greater(columns["impressions"], 0)),
        ),
    ),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (BANDIT, MARKET, REPORT)}


def kind_named(name: str) -> Kind:
    """The kind of that name; IngestError otherwise."""
    if name not in KINDS:
        raise IngestError(f"there is no kind of log {name!r}: it is {', '.join(KINDS)}")
    return KINDS[name]


@dataclass(frozen=True)
class Layout:
    """Where in a file the columns are."""

    delimiter: str
    header: bool
    width: int  # columns of every row
    positions: Mapping[str, int | None]  # canonical name -> column; None: the default
    user_features: tuple[int, ...] = ()
    identity: tuple[int, ...] | None = field(default=None)  # columns that name a row; (): the whole line; None: nothing


def layout_of(kind: Kind, first: str, mapping: Mapping[str, str], path: str) -> Layout:
    """Recognise a file by its first line; IngestError names every column that is missing."""
    cells = first.split("\t")
    if kind.headerless and len(cells) == len(kind.headerless) and not mapping and cells[0].strip() in ("0", "1"):
        at = {name: index for index, name in enumerate(kind.headerless)}
        return Layout("\t", False, len(cells), {f.name: at.get(f.name) for f in kind.fields})
    header = [cell.strip() for cell in fields(first, ",") or []]
    _check_mapping(kind, header, mapping, path)
    positions = {f.name: _position(f, header, mapping) for f in kind.fields}
    if missing := [f.name for f in kind.fields if positions[f.name] is None and f.default is None]:
        raise IngestError(
            f"{path} is not a {kind.name} log: no column {', '.join(missing)} in its header "
            f"({shown(header)}); "
            f"name its columns, as in --map {missing[0]}=COLUMN"
        )
    users = tuple(index for _, index in sorted(_user_features(header, mapping))) if kind is BANDIT else ()
    return Layout(",", True, len(header), positions, users, _identity(kind, header))


def _check_mapping(kind: Kind, header: Sequence[str], mapping: Mapping[str, str], path: str) -> None:
    names = [f.name for f in kind.fields]
    for name, target in mapping.items():
        if name not in names and not (kind is BANDIT and name.startswith(USER_FEATURES)):
            raise IngestError(f"--map {name}={target}: a {kind.name} log has no {name!r}; it has {', '.join(names)}")
        if target not in header:
            raise IngestError(f"--map {name}={target}: {path} has no column {target!r}; it has {shown(header)}")


def _position(wanted: Field, header: Sequence[str], mapping: Mapping[str, str]) -> int | None:
    for name in (mapping.get(wanted.name), wanted.name, *wanted.aliases):
        if name is not None and name in header:
            return header.index(name)
    return None


def _user_features(header: Sequence[str], mapping: Mapping[str, str]) -> list[tuple[str, int]]:
    named = {name: index for index, name in enumerate(header) if name.startswith(USER_FEATURES)}
    named |= {name: header.index(target) for name, target in mapping.items() if name.startswith(USER_FEATURES)}
    return list(named.items())


def _identity(kind: Kind, header: Sequence[str]) -> tuple[int, ...] | None:
    if kind.equal_rows:
        return ()
    return next(((header.index(name),) for name in kind.ids if name in header), None)
