"""Searches for the brand in a campaign that also buys others: they flatter its cost per conversion.

Who searches for the brand was going to come in any case. Touch this to tell brand terms otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from gaelp.arrays import B1
from gaelp.domain.exports.findings import (
    AuditQuestion,
    Figure,
    Finding,
    FindingKind,
    FindingPlace,
    in_currency,
    level,
    whole_units,
)
from gaelp.evidence.exports.account_table import AccountTable
from gaelp.evidence.exports.noisy_counts import rate_ratio
from gaelp.money import MICROS_PER_UNIT

OFTEN = 2.0  # brand clicks convert so many times as often, by the lower bound


@dataclass
class _Sums:
    conversions: float = 0.0
    clicks: float = 0.0
    cost: float = 0.0

    def each(self, currency: str) -> str:
        """The cost of a conversion, for people."""
        return in_currency(self.cost / self.conversions, currency)


@dataclass
class _Terms:
    brand: _Sums = field(default_factory=_Sums)
    rest: _Sums = field(default_factory=_Sums)


def brand_terms(question: AuditQuestion, table: AccountTable, silent: B1) -> list[Finding]:
    """The findings: a campaign whose brand terms convert more than OFTEN times as often as its other terms."""
    words = tuple(word.casefold() for word in question.brands)
    campaigns: dict[str, _Terms] = defaultdict(_Terms)
    for row in table.mature_rows(silent):
        if row.search_term:
            terms = campaigns[row.campaign]
            sums = terms.brand if any(word in row.search_term.casefold() for word in words) else terms.rest
            sums.conversions += float(row.conversions or 0)
            sums.clicks += row.clicks
            sums.cost += whole_units(row.cost_micros or 0)
    mixed = {name: terms for name, terms in campaigns.items() if terms.brand.clicks and terms.rest.clicks}
    found = (_finding(table, silent, name, terms, level(len(mixed))) for name, terms in mixed.items())
    return [finding for finding in found if finding]


def _finding(table: AccountTable, silent: B1, campaign: str, terms: _Terms, tail: float) -> Finding | None:
    brand, rest = terms.brand, terms.rest
    noise = table.noise([table.campaigns.index(campaign)], silent)
    ratio = rate_ratio((brand.conversions, brand.clicks), (rest.conversions, rest.clicks), noise, tail)
    if ratio is None or ratio.low <= OFTEN:
        return None
    both = _Sums(brand.conversions + rest.conversions, brand.clicks + rest.clicks, brand.cost + rest.cost)
    in_all, branded, others = (sums.each(table.export.currency) for sums in (both, brand, rest))
    return Finding(
        kind=FindingKind.BRAND,
        place=FindingPlace(campaign),
        figure=Figure(
            "conversions per click of brand terms, by those of the others", ratio.ratio, ratio.low, ratio.high
        ),
        reason=f"a conversion costs {in_all} in all, {branded} by brand terms and {others} by the others: the "
        "average hides what new demand costs",
        stake_micros=round(brand.cost * MICROS_PER_UNIT),
        look_at="brand terms in a campaign of their own, and a test without them of who comes all the same",
    )
