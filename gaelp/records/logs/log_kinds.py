"""The kinds of log: which columns they have, under which names, and what makes a row bad.

Touch this to take another format or another kind of log; a new kind also needs its name in
gaelp/domain/log_evidence.py, its table in gaelp/records/warehouse/schema.py and a reader in stored_logs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gaelp.records.logs import log_columns as column
from gaelp.records.logs.instant_columns import instants
from gaelp.records.logs.log_files import IngestError

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
    counted: bool = False  # a blank value of it is 0 in an export of Meta

    @property
    def instant(self) -> bool:
        """Whether its values are dates or times."""
        return self.parse is instants

    @property
    def number(self) -> bool:
        """Whether its values are numbers of any sort."""
        return self.parse not in (instants, column.texts, column.names)

    @property
    def fractions(self) -> bool:
        """Whether its values are numbers that need not be whole."""
        return self.number and self.parse not in (column.integers, column.flags)

    @property
    def adds(self) -> bool:
        """Whether the sum of its values over rows means anything."""
        return self.name in ("click", "impressions", "clicks", "cost", "conversions", "revenue", "sales")

    def reading(self, marks: column.Marks) -> str:
        """How its values are read, for people."""
        if self.instant:
            zone = f"date or time, {marks.zone} where it says no zone"
            return zone + (", day before month" if marks.day_first else "")
        if not self.number:
            return "text"
        return f"number, decimal {'point' if marks.decimal == '.' else 'comma'}" + (", micros" if marks.micros else "")


@dataclass(frozen=True)
class Check:
    """A rule over several columns of a good row."""

    reason: str
    bad: Callable[[Columns], Any]  # -> boolean pyarrow array; null counts as false


@dataclass(frozen=True)
class Form:
    """A layout that is known although it has no header; one of its cells shows that a file is of it."""

    places: Mapping[str, int]  # canonical name -> column
    width: int
    cell: int  # column of the cell that tells
    pattern: str  # which that cell matches as a whole


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
    headerless: tuple[Form, ...] = ()
    has_sums: bool = False  # its files may write sums of other rows among them


def _exceeds(reason: str, more: str, less: str) -> Check:
    return Check(reason, lambda columns: pc.greater(columns[more], columns[less]))


def _blank_among_others(name: str) -> Callable[[Columns], Any]:
    """Where a value is missing in a column that the file has."""

    def missing(columns: Columns) -> Any:
        absent = pc.is_null(columns[name])
        return pc.and_(absent, pa.scalar(not pc.all(absent).as_py()))

    return missing


_COUNT = "is not a non-negative integer"
_NUMBER = "is not a number of 0 or more"
_MONEY = "is not an amount of 0 or more"
_TIME = "is not a date and time between 1995 and 2100"

# Of any case. Google Ads and Meta as they export to files, in English and German, and Google Ads' API.
_DAY = (
    "day", "segments.date", "tag", "datum", "reporting starts", "berichtsstart", "week", "woche", "segments.week",
    "month", "monat", "segments.month", "gregorian date",
)  # fmt: skip
WEEKS, MONTHS = ("week", "woche", "segments.week"), ("month", "monat", "segments.month")  # headers of longer periods
META_HEADERS = ("amount spent", "ausgegebener betrag", "reporting starts", "berichtsstart")
_UNTIL = ("reporting ends", "berichtsende")
_CAMPAIGN = (
    "campaign name", "campaign.name", "kampagne", "kampagnenname", "name der kampagne", "campaign_number",
    "campaign.id",
)  # fmt: skip
_IMPRESSIONS = ("displays", "impr.", "metrics.impressions", "impressionen")
_CLICKS = ("metrics.clicks", "klicks", "link clicks", "clicks (all)", "link-klicks", "klicks (alle)")
_COST = ("metrics.cost_micros", "cost_micros", "kosten", "amount spent", "ausgegebener betrag", "spend", "ausgaben")
_CONVERSIONS = (
    "post_click_conversions", "metrics.conversions", "purchases", "website purchases", "käufe", "website-käufe",
)  # fmt: skip
_REVENUE = (
    "conv. value", "metrics.conversions_value", "conv.-wert", "purchases conversion value",
    "website purchases conversion value", "conversion-wert von käufen", "conversion-wert von website-käufen",
    "conversion-wert für käufe", "conversion-wert für website-käufe",
)  # fmt: skip
_CURRENCY = ("currency code", "customer.currency_code", "währungscode", "währung")

BANDIT = Kind(
    "bandit",
    "bandit_rows",
    (
        Field("timestamp", "at", instants, f"timestamp {_TIME}"),
        Field("item_id", "item", column.names, "item_id is blank", ("item", "action")),
        Field("position", "position", column.integers, f"position {_COUNT}", default="1"),
        Field("click", "click", column.flags, "click is not 0 or 1"),
        Field("propensity_score", "propensity", column.propensities, "propensity is not in (0, 1]", ("propensity",)),
    ),
    # A column without a name is the row number of an export, and begins again in each of its parts.
    ids=("id", "impression_id"),
)
MARKET = Kind(
    "market",
    "market_rows",
    (
        Field("date", "at", instants, f"date {_TIME}", ("timestamp",), default="", blank=True),
        Field("click", "click", column.flags, "click is not 0 or 1", ("isclick",), default="", blank=True),
        Field("market_price", "market_price", column.integers, f"market price {_COUNT}", ("payingprice",)),
        Field("bid", "bid", column.integers, f"bid {_COUNT}", ("biddingprice",), default="", blank=True),
        Field("pctr", "pctr", column.probabilities, "pctr is not in [0, 1]", default="", blank=True),
        Field("exchange", "exchange", column.texts, "", ("adexchange",), default=""),
        Field("creative", "creative", column.texts, "", ("creativeid",), default=""),
        Field("advertiser", "advertiser", column.texts, "", ("advertiserid",), default=""),
    ),
    ids=("id", "bidid"),
    checks=(_exceeds("market price exceeds the bid", "market_price", "bid"),),
    notes=(Check("click is unknown", lambda columns: pc.is_null(columns["click"])),),
    headerless=(
        Form(dict(zip(("click", "market_price", "pctr", "exchange"), range(4), strict=True)), 4, 0, "[01]"),
        Form(dict(zip(("click", "market_price", "pctr"), range(3), strict=True)), 3, 0, "[01]"),
        # iPinYou's impressions as they were published; its clicks are in files of their own.
        Form(
            {"date": 1, "exchange": 8, "creative": 18, "bid": 19, "market_price": 20, "advertiser": 22},
            24,
            1,
            r"\d{17}",
        ),
    ),
)
REPORT = Kind(
    "report",
    "report_rows",
    has_sums=True,
    fields=(
        Field("date", "at", instants, f"date {_TIME}", _DAY),
        Field("campaign", "campaign", column.names, "campaign is blank", _CAMPAIGN),
        Field("engagement", "engagement", column.texts, "", ("user_engagement",), default=""),
        Field("banner", "banner", column.texts, "", default=""),
        Field("placement", "placement", column.texts, "", default=""),
        Field("impressions", "impressions", column.integers, f"impressions {_COUNT}", _IMPRESSIONS),
        Field("clicks", "clicks", column.integers, f"clicks {_COUNT}", _CLICKS, counted=True),
        Field("cost", "cost_micros", column.amounts, f"cost {_MONEY}", _COST, ""),
        Field("conversions", "conversions", column.numbers, f"conversions {_NUMBER}", _CONVERSIONS, "", True, True),
        Field("revenue", "revenue_micros", column.signed_amounts, "revenue is not an amount", _REVENUE, "", True, True),
        Field(
            "sales",
            "sales_micros",
            column.signed_amounts,
            "sales is not an amount",
            ("post_click_sales_amount",),
            "",
            True,
        ),
        Field("currency", "currency", column.texts, "", _CURRENCY, default=""),
        Field("until", "until", instants, f"until {_TIME}", _UNTIL, "", True),
    ),
    equal_rows=True,
    checks=(
        _exceeds("clicks exceed impressions", "clicks", "impressions"),
        _exceeds("the period ends before it begins", "at", "until"),
    ),
    notes=(
        _exceeds("covers more than one day", "until", "at"),
        Check("cost is unknown", lambda columns: pc.is_null(columns["cost_micros"])),
        Check("placement is blank", _blank_among_others("placement")),
        # A click may lead to several orders, and orders may be reported on a later day than their click.
        _exceeds("conversions exceed clicks", "conversions", "clicks"),
        Check(
            "cost is 0 although there are impressions",
            lambda columns: pc.and_(pc.equal(columns["cost_micros"], 0), pc.greater(columns["impressions"], 0)),
        ),
    ),
)
SPLIT_TEST = Kind(
    "split-test",
    "split_test_rows",
    (
        Field("date", "at", instants, f"date {_TIME}", _DAY, default="", blank=True),
        Field("experiment", "experiment", column.texts, "", ("test", "experiment name", "experiment_id"), default=""),
        Field("arm", "arm", column.names, "arm is blank", ("variant", "variation", "experiment arm", "variante")),
        Field("impressions", "impressions", column.integers, f"impressions {_COUNT}", _IMPRESSIONS),
        Field("clicks", "clicks", column.integers, f"clicks {_COUNT}", _CLICKS),
    ),
    equal_rows=True,
    has_sums=True,
    checks=(_exceeds("clicks exceed impressions", "clicks", "impressions"),),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in (BANDIT, MARKET, REPORT, SPLIT_TEST)}


def kind_named(name: str) -> Kind:
    """The kind of that name; IngestError otherwise."""
    if name not in KINDS:
        raise IngestError(f"there is no kind of log {name!r}: it is {', '.join(KINDS)}")
    return KINDS[name]
