"""The audit of an account's export: which findings can be looked for, and what they find.

Touch this to add a finding; what a kind needs stands in `_why_not`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gaelp.domain.billing.billing_rules import UnknownPlatform, day_limit
from gaelp.domain.exports.billed_days import edited_budgets, overbilled_days
from gaelp.domain.exports.export_exposure import NO_RULE
from gaelp.domain.exports.findings import (
    Audit,
    AuditQuestion,
    Figure,
    Finding,
    FindingKind,
    NotLooked,
    audit_of,
    in_currency,
)
from gaelp.evidence.exports.account_table import AccountTable, account_table
from gaelp.evidence.exports.brand_terms import brand_terms
from gaelp.evidence.exports.claimed_orders import claimed_orders
from gaelp.evidence.exports.mix_shifts import mix_shifts
from gaelp.evidence.exports.rate_breaks import SIDE, rate_breaks
from gaelp.evidence.exports.silent_tags import silent_tags
from gaelp.evidence.exports.uneven_arms import uneven_arms, why_no_experiment
from gaelp.evidence.exports.wasted_spend import wasted_spend

_COLUMNS = {
    FindingKind.WASTED: ("cost", "conversions"),
    FindingKind.OVERBILLED: ("cost", "budget"),
    FindingKind.EDITED: ("cost", "budget"),
    FindingKind.SILENT: ("conversions",),
    FindingKind.BROKE: ("conversions",),
    FindingKind.TWICE: ("conversions",),
    FindingKind.MIXED: ("conversions",),
    FindingKind.UNEVEN: ("arm",),
    FindingKind.BRAND: ("conversions", "search_term"),
    FindingKind.CLAIMED: ("conversions",),
}
_ON_MATURE_DAYS = (FindingKind.WASTED, FindingKind.BROKE, FindingKind.TWICE, FindingKind.MIXED, FindingKind.BRAND,
                   FindingKind.CLAIMED, FindingKind.SILENT)  # fmt: skip


def audit(question: AuditQuestion) -> Audit:
    """All that can be looked for in an export of one currency, and why the rest was not."""
    table = account_table(question.export, question.young_days)
    not_looked = [NotLooked(kind, why) for kind in FindingKind if (why := _why_not(kind, question, table))]
    left_out = {each.kind for each in not_looked}
    silent = np.zeros(table.clicks.shape, bool)
    found: list[Finding] = []
    if FindingKind.SILENT not in left_out:
        found, silent = silent_tags(table)
    for kind, look in _looks(question, table, silent).items():
        found.extend([] if kind in left_out else look())
    measures: list[Figure] = []
    if FindingKind.CLAIMED not in left_out:
        claimed, measures = claimed_orders(question, table, silent)
        found.extend(claimed)
    return audit_of(found, not_looked, measures)


def _looks(
    question: AuditQuestion, table: AccountTable, silent: np.ndarray
) -> dict[FindingKind, Callable[[], list[Finding]]]:
    platform = question.export.platform or ""
    return {
        FindingKind.WASTED: lambda: wasted_spend(question, table, silent),
        FindingKind.OVERBILLED: lambda: overbilled_days(question.export, platform),
        FindingKind.EDITED: lambda: edited_budgets(question.export, platform),
        FindingKind.BROKE: lambda: rate_breaks(table, silent),
        FindingKind.MIXED: lambda: mix_shifts(table, silent),
        FindingKind.UNEVEN: lambda: uneven_arms(question),
        FindingKind.BRAND: lambda: brand_terms(question, table, silent),
    }


def _why_not(kind: FindingKind, question: AuditQuestion, table: AccountTable) -> str:
    """Why a finding cannot be looked for; empty where it can."""
    by_rule = kind in (FindingKind.OVERBILLED, FindingKind.EDITED)
    if by_rule and (none := NO_RULE.get(question.export.platform or "")):
        return none  # a column that is missing besides would be added in vain
    if missing := question.export.why_not(*_COLUMNS[kind]):
        return missing
    if kind in _ON_MATURE_DAYS and table.mature.sum() < 2 * SIDE:
        return (
            f"the export has {int(table.mature.sum())} mature days, and {2 * SIDE} are needed: download more days, or "
            "say with --mature-after after how many days conversions are complete"
        )
    if kind is FindingKind.WASTED and question.target_cpa_micros is None:
        return f"no target was said: --target-cpa AMOUNT; {_own_cost(table, question.export.currency)}"
    if kind is FindingKind.UNEVEN:
        return why_no_experiment(question)
    if kind is FindingKind.BRAND and not question.brands:
        return "no brand was said: --brand WORD"
    if kind is FindingKind.CLAIMED and question.orders is None:
        return "no orders were given: --orders FILE"
    if by_rule:
        return _no_rule(question.export.platform)
    return ""


def _own_cost(table: AccountTable, currency: str) -> str:
    conversions = float((table.conversions * table.mature).sum())
    if not conversions:
        return "no conversion is in the export"
    own = in_currency(float((table.cost * table.mature).sum()) / conversions, currency)
    return f"the account's own cost per conversion is {own}"


def _no_rule(platform: str | None) -> str:
    if platform is None:
        return "the headers do not show whose export it is: --platform"
    try:
        day_limit(platform, 0)
    except UnknownPlatform as error:
        return str(error)
    return ""
