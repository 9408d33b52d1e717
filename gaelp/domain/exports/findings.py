"""What an audit of an account's export says: findings with figure, interval, reason and money, and what it left out.

Touch this to add a kind of finding, or to share the error rate between kinds in another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from gaelp.domain.exports.account_export import AccountExport
from gaelp.money import MICROS_PER_UNIT, bare_money

SHOWN = 10  # findings at the most, those with the most money
ERROR_RATE = 0.05  # the chance that an account with nothing wrong shows any finding that rests on chance


class FindingKind(StrEnum):
    """What may stand out."""

    WASTED = "spend-without-conversions"
    OVERBILLED = "billed-above-the-limit"
    EDITED = "budget-edited-often"
    SILENT = "tag-fell-silent"
    BROKE = "conversion-rate-broke"
    TWICE = "tag-fires-twice"
    MIXED = "mix-turns-the-average"
    UNEVEN = "uneven-experiment"
    BRAND = "brand-terms-harvest"
    CLAIMED = "more-claimed-than-ordered"


# The error rate is shared evenly by these. A tag that fires twice is a rate that broke, by one test for both; what was
# billed above a limit, and how often a budget was edited, are sums and no estimates.
TESTED = (
    FindingKind.WASTED,
    FindingKind.SILENT,
    FindingKind.BROKE,
    FindingKind.MIXED,
    FindingKind.UNEVEN,
    FindingKind.BRAND,
    FindingKind.CLAIMED,
)


def level(tests: int) -> float:
    """The level of each of so many tests of one kind: the kind's even share, divided by Bonferroni's rule."""
    return ERROR_RATE / len(TESTED) / max(tests, 1)


def whole_units(micros: int) -> float:
    """An amount for statistics and sentences, in whole units of its currency."""
    return micros / MICROS_PER_UNIT


def in_currency(amount: float, currency: str) -> str:
    """An amount of whole units in a sentence, with its currency's decimals; raises UnknownCurrency."""
    return bare_money(round(amount * MICROS_PER_UNIT), currency)


def counted(count: float) -> str:
    """A count of conversions in a sentence: a fraction has one decimal, and a whole number none."""
    return f"{count:,.1f}".removesuffix(".0")


@dataclass(frozen=True)
class FindingPlace:
    """Where something stands out: a campaign, or a part of one; no campaign means all of the account."""

    campaign: str = ""
    column: str = ""  # of the part: search_term, ad_group, placement or arm
    part: str = ""

    def __str__(self) -> str:
        whole = f"campaign {self.campaign.removeprefix('campaign ')}" if self.campaign else "all campaigns"
        column = self.column.replace("_", " ")
        if not column:
            return whole
        return f"{column} {self.part!r} of {whole}" if self.part else f"one {column} of {whole}"

    def renamed(self, names: Mapping[str, str]) -> FindingPlace:
        """The same place under another name of its campaign, its part unnamed."""
        return replace(self, campaign=names.get(self.campaign, ""), part="")

    @property
    def passed_on(self) -> FindingPlace:
        """The same place on a page that is passed on, which names campaigns and nothing else of the file."""
        return replace(self, part="")


@dataclass(frozen=True)
class Figure:
    """An estimate and its interval; where no chance is in it, the interval is what the file leaves open."""

    what: str  # with its unit
    value: float
    low: float
    high: float
    amount: bool = False  # whether it is money, in whole units of the export's currency


@dataclass(frozen=True)
class Finding:
    """One thing that stands out. Its sentences name no campaign and no part, so that a page can leave names out."""

    kind: FindingKind
    place: FindingPlace
    figure: Figure
    reason: str
    stake_micros: int
    look_at: str


@dataclass(frozen=True)
class NotLooked:
    """A finding that could not be looked for, and why."""

    kind: FindingKind
    because: str


@dataclass(frozen=True)
class OwnOrder:
    """An order in the advertiser's own books; amounts are micros of the export's currency."""

    order: str
    day: date
    paid: bool  # whether it carries a click id or a campaign; where the file has neither column, each order counts
    value_micros: int
    refund_micros: int
    new_customer: bool | None

    @property
    def kept(self) -> bool:
        """Whether it was not given back as a whole."""
        return self.refund_micros < self.value_micros or self.refund_micros == 0


@dataclass(frozen=True)
class AuditQuestion:
    """An export, and what its owner has said beside it."""

    export: AccountExport
    young_days: int  # the export's last days, whose conversions still come
    target_cpa_micros: int | None = None
    brands: tuple[str, ...] = ()
    planned: Mapping[str, float] | None = None  # arm -> its share of an experiment; None: all alike
    orders: tuple[OwnOrder, ...] | None = None


@dataclass(frozen=True)
class Audit:
    """What an audit answers."""

    findings: tuple[Finding, ...]  # the most money first, at most SHOWN
    left_out: int  # findings with less money
    not_looked: tuple[NotLooked, ...]
    measures: tuple[Figure, ...]  # what was asked for and is no finding


def audit_of(found: Iterable[Finding], not_looked: Sequence[NotLooked], measures: Sequence[Figure] = ()) -> Audit:
    """Order the findings by money; equal ones by kind and place, so that a file always gives the same answer."""
    ordered = sorted(found, key=lambda each: (-each.stake_micros, each.kind, str(each.place)))
    return Audit(tuple(ordered[:SHOWN]), len(ordered[SHOWN:]), tuple(not_looked), tuple(measures))
