"""Spend that bought fewer conversions than its money should, at a target cost per conversion.

Touch this to judge spend by something else than a target.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from gaelp.arrays import B1
from gaelp.domain.exports.findings import (
    AuditQuestion,
    Figure,
    Finding,
    FindingKind,
    FindingPlace,
    counted,
    in_currency,
    level,
    whole_units,
)
from gaelp.evidence.exports.account_table import AccountTable, finest_part
from gaelp.evidence.exports.noisy_counts import Noise, mean_bounds
from gaelp.money import MICROS_PER_UNIT

_LOOK_AT = {
    "search_term": "whether the term means what is sold; if not, exclude it as a negative keyword",
    "ad_group": "what the ad group's searches and audiences are, and whether its landing page fits them",
    "placement": "the placement itself; exclude it if it is no place for the ads",
    "": "whether the campaign has another aim than conversions; if not, its budget",
}


def wasted_spend(question: AuditQuestion, table: AccountTable, silent: B1) -> list[Finding]:
    """Where even the upper bound of the conversions, at the target, is worth less than they cost; mature days only.

    It is asked of each campaign, and of each part by the finest column, that cost more than one target. A campaign is
    not named where a part of it is.
    """
    target = whole_units(question.target_cpa_micros or 0)
    sums = _sums(table, silent)
    asked = {place: each for place, each in sums.items() if each[1] > target}
    noises = {campaign: table.noise([number], silent) for number, campaign in enumerate(table.campaigns)}
    tail = level(len(asked))
    found = [
        finding
        for place, (conversions, cost) in asked.items()
        if (
            finding := _finding(
                place, (conversions, cost, target), noises[place.campaign], tail, question.export.currency
            )
        )
    ]
    named = {each.place.campaign for each in found if each.place.column}
    return [each for each in found if each.place.column or each.place.campaign not in named]


def _sums(table: AccountTable, silent: B1) -> Mapping[FindingPlace, tuple[float, float]]:
    """Conversions and cost of each campaign and each part of one."""
    column = finest_part(table.export)
    sums: dict[FindingPlace, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in table.mature_rows(silent):
        places = [FindingPlace(row.campaign)]
        if column and (part := getattr(row, column)):
            places.append(FindingPlace(row.campaign, column, part))
        for place in places:
            sums[place][0] += float(row.conversions or 0)
            sums[place][1] += whole_units(row.cost_micros or 0)
    return {place: (conversions, cost) for place, (conversions, cost) in sums.items()}


def _finding(
    place: FindingPlace, sums: tuple[float, float, float], noise: Noise, tail: float, currency: str
) -> Finding | None:
    conversions, cost, target = sums
    low, high = mean_bounds(conversions, noise, tail)
    if high * target >= cost:
        return None
    spent, each, worth, most = (
        in_currency(amount, currency) for amount in (cost, target, conversions * target, high * target)
    )
    return Finding(
        kind=FindingKind.WASTED,
        place=place,
        figure=Figure(
            "what its conversions are worth at the target",
            conversions * target,
            low * target,
            high * target,
            amount=True,
        ),
        reason=f"{spent} bought {counted(conversions)} conversions; at a target of {each} each they are worth {worth}, "
        f"and {most} at the most",
        stake_micros=round((cost - conversions * target) * MICROS_PER_UNIT),
        look_at=_LOOK_AT[place.column],
    )
