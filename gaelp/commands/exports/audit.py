"""The verb `audit`: what stands out in an account's export, with intervals and money, and what was not looked at.

Touch this to show another part of a finding. What is looked for stands in gaelp/evidence/exports/.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from gaelp.commands.console import DONE, Out, WrongUse, money
from gaelp.commands.exports.given_export import (
    export_source,
    given_exports,
    refuse_amount_of_two,
    refuse_page,
    shown_name,
    today_of,
    write_page,
)
from gaelp.commands.exports.maturity import maturity_of, measured_lag
from gaelp.commands.exports.unread_options import OF_A_PAGE, OF_ORDERS, refuse_unread
from gaelp.domain.exports.account_export import AccountExport
from gaelp.domain.exports.findings import (
    ERROR_RATE,
    Audit,
    AuditQuestion,
    Figure,
    Finding,
    FindingKind,
    OwnOrder,
    in_currency,
)
from gaelp.domain.exports.mature_days import Maturity

if TYPE_CHECKING:
    from gaelp.reports.account_page import PageSection

_CHANCE = f"Where nothing is wrong, at most {round(100 * ERROR_RATE)} accounts in 100 show any finding by chance."


def audit(arguments: argparse.Namespace, out: Out) -> int:
    """Say what stands out in FILE, the most money first; amounts of two currencies are audited apart."""
    from gaelp.evidence.exports.account_audit import audit as answer

    _refuse_unread(arguments)
    refuse_page(arguments, arguments.file, *arguments.snapshots, *([arguments.orders] if arguments.orders else []))
    exports = given_exports(arguments.file, argparse.Namespace(**{**vars(arguments), "anonymous": False}))
    refuse_amount_of_two("--target-cpa", arguments.target_cpa, exports)
    measured = measured_lag(arguments)
    maturity = maturity_of(arguments, measured, today_of(arguments, exports))
    questions = [_question(export, maturity, arguments) for export in exports]
    audits = [answer(question) for question in questions]
    if arguments.anonymous:  # only now, because own orders name campaigns too
        audits = [_renamed(*each) for each in zip(audits, exports, strict=True)]
    document = {"exports": [_document(*each, maturity) for each in zip(questions, audits, strict=True)]}
    text = [line for each in zip(questions, audits, strict=True) for line in _text(*each, arguments)]
    written = []
    if arguments.page:
        from gaelp.commands.exports.whole_page import whole_page_sections

        sections = [_section(*each, maturity) for each in zip(questions, audits, strict=True)]
        sections += whole_page_sections(arguments, exports, maturity, measured)
        written = write_page(arguments, f"{shown_name(arguments, arguments.file)}: what an ad account says", sections)
    out.result(document, *text, maturity.sentence, _CHANCE, *written)
    return DONE


def _refuse_unread(arguments: argparse.Namespace) -> None:
    if not arguments.page:
        refuse_unread(arguments, OF_A_PAGE, "of the page only: say where it goes, as in --page shop.html")
    if not arguments.orders:
        refuse_unread(arguments, OF_ORDERS, "of own orders only: give them, as in --orders orders.csv")
    if blank := [word for word in arguments.brand if not word.strip()]:
        raise WrongUse(f"--brand {blank[0]!r} is blank and would be in every search: give a word of the brand's name")


def _question(export: AccountExport, maturity: Maturity, arguments: argparse.Namespace) -> AuditQuestion:
    from gaelp.commands.people.accounts import amount

    target = arguments.target_cpa
    return AuditQuestion(
        export=export,
        young_days=maturity.young_days(export.last_day),
        target_cpa_micros=None if target is None else amount(target, "--target-cpa", export.currency or "USD"),
        brands=tuple(arguments.brand),
        planned=_shares(arguments.split) or None,
        orders=_orders(export, arguments),
    )


def _renamed(audit: Audit, export: AccountExport) -> Audit:
    names = {name: f"campaign {number}" for number, name in enumerate(export.campaigns, start=1)}
    return replace(audit, findings=tuple(replace(each, place=each.place.renamed(names)) for each in audit.findings))


def _shares(words: Sequence[str]) -> Mapping[str, float]:
    shares = {}
    for word in words:
        arm, _, share = word.rpartition("=")
        try:
            shares[arm] = float(share)
        except ValueError:
            shares[arm] = 0.0
        if not arm or not 0 < shares[arm] < float("inf"):
            raise WrongUse(f"--split {word}: give an arm and a share above 0, as in control=50")
    return shares


def _orders(export: AccountExport, arguments: argparse.Namespace) -> tuple[OwnOrder, ...] | None:
    if arguments.orders is None:
        return None
    from gaelp.records.exports.read_orders import read_orders

    if arguments.account_zone not in available_timezones():
        raise WrongUse(f"--account-zone {arguments.account_zone}: there is no such zone; a name is like Europe/Berlin")
    said = {**vars(arguments), "map": arguments.map_orders, "micros": [], "time_zone": arguments.account_zone}
    source = export_source(arguments.orders, argparse.Namespace(**said))
    return read_orders(source, export.currency, export.campaigns, arguments.account_zone)


def _head(question: AuditQuestion, arguments: argparse.Namespace) -> str:
    export = question.export
    named = ", ".join(word for word in (export.platform, export.currency) if word)
    return (
        f"{arguments.file}{f' ({named})' if named else ''}: {export.first_day} to {export.last_day}, campaigns: "
        f"{len(export.campaigns)}"
    )


def _answer(audit: Audit) -> str:
    count = len(audit.findings)
    if len(audit.not_looked) == len(FindingKind):
        return "Nothing could be looked for."
    if not count:
        return "Nothing stands out in what could be looked at." if audit.not_looked else "Nothing stands out."
    more = f", and {audit.left_out} more with less money" if audit.left_out else ""
    return f"{count} {'thing stands' if count == 1 else 'things stand'} out, the most money first{more}:"


def _text(question: AuditQuestion, audit: Audit, arguments: argparse.Namespace) -> list[str]:
    lines, currency = [_head(question, arguments), _answer(audit)], question.export.currency
    for number, finding in enumerate(audit.findings, start=1):
        lines += [
            "",
            f"{number}. {finding.kind}: {finding.place}",
            f"   {_sentence(finding.reason)}",
            f"   {_figure(finding.figure, currency)}",
            f"   At stake: {money(finding.stake_micros, currency)}. Look at {finding.look_at}.",
        ]
    lines += ["", *(f"Measured: {_figure(measure, currency)}" for measure in audit.measures)]
    lines += [f"Not looked at: {each}." for each in _not_looked(audit)]
    return lines


def _not_looked(audit: Audit) -> list[str]:
    """A reason stands once, with all the kinds that it holds for."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for each in audit.not_looked:
        kinds[each.because].append(each.kind)
    return [f"{', '.join(names)}, because {because}" for because, names in kinds.items()]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _figure(figure: Figure, currency: str) -> str:
    value, low, high = (
        in_currency(each, currency) if figure.amount else _number(each)
        for each in (figure.value, figure.low, figure.high)
    )
    return f"{_sentence(figure.what)[:-1]}: {value} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:,.3f}"


def _document(question: AuditQuestion, audit: Audit, maturity: Maturity) -> dict[str, Any]:
    export = question.export
    return {
        "platform": export.platform,
        "currency": export.currency,
        "first_day": export.first_day,
        "last_day": export.last_day,
        "mature_after": maturity.after_days,
        "first_young": maturity.first_young,
        "error_rate": ERROR_RATE,
        "findings": [_told(each) for each in audit.findings],
        "left_out": audit.left_out,
        "measures": [each.__dict__ for each in audit.measures],
        "not_looked_at": [each.__dict__ for each in audit.not_looked],
        "notes": dict(export.notes),
        "rejected": export.rejected,
    }


def _told(finding: Finding) -> dict[str, Any]:
    return {**finding.__dict__, "place": finding.place.__dict__, "figure": finding.figure.__dict__}


def _section(question: AuditQuestion, audit: Audit, maturity: Maturity) -> PageSection:
    from gaelp.reports.account_page import PageSection

    currency = question.export.currency
    return PageSection(
        title=f"What stands out, {question.export.first_day} to {question.export.last_day}",
        answer=_answer(audit).rstrip(":").rstrip(".") + ".",
        columns=("what and where", "why", "at stake", "look at"),
        rows=tuple(
            (
                f"{each.kind.replace('-', ' ')}: {each.place.passed_on}",
                f"{_sentence(each.reason)} {_figure(each.figure, currency)}.",
                money(each.stake_micros, currency),
                each.look_at,
            )
            for each in audit.findings
        ),
        notes=(maturity.sentence, _CHANCE, *(_figure(measure, currency) for measure in audit.measures)),
        not_looked_at=tuple(_not_looked(audit)),
    )
