"""The export that a verb is given, and the page that it writes. Touch this to give a verb's export in another form."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands.console import Refused, WrongUse
from gaelp.commands.logs_and_agents.ingest import source_of
from gaelp.commands.people.accounts import amount
from gaelp.commands.written_files import ACCOUNT_PAGE, refuse_to_overwrite
from gaelp.domain.exports.account_export import AccountExport, anonymous, with_budget
from gaelp.money import UnknownCurrency, decimals_of

if TYPE_CHECKING:
    from gaelp.records.logs.ingestion import LogSource
    from gaelp.reports.account_page import PageSection


def shown_name(arguments: argparse.Namespace, *files: str) -> str:
    """What the files are called where somebody else may read it."""
    if arguments.anonymous:
        return "an export" if len(files) == 1 else f"{len(files)} exports"
    return Path(files[0]).name + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def counted(number: float) -> str:
    """A count, which may be a fraction, as a person reads it."""
    return f"{number:,.0f}" if number >= 1000 or number == round(number) else f"{number:,.1f}"


def export_source(file: str, arguments: argparse.Namespace) -> LogSource:
    """The file, and how the options say it is read. Raises WrongUse."""
    return source_of(
        argparse.Namespace(**{**vars(arguments), "file": file, "items": None, "kind": "report", "name": "export"})
    )


def given_exports(file: str, arguments: argparse.Namespace) -> list[AccountExport]:
    """The file's export, one for each currency, with the budgets that were said. Raises WrongUse and IngestError."""
    from gaelp.records.exports.read_export import read_export

    exports = read_export(export_source(file, arguments), arguments.platform, arguments.currency.upper())
    for each in exports:
        _check_currency(each.currency)
    for pair in arguments.budget:
        exports = _with_budget(exports, pair)
    return [anonymous(each) for each in exports] if arguments.anonymous else exports


def _check_currency(code: str) -> None:
    """Raise WrongUse for a currency that is none; an export may name none."""
    try:
        if code:
            decimals_of(code)
    except UnknownCurrency as error:
        raise WrongUse(str(error)) from None


def _with_budget(exports: Sequence[AccountExport], pair: str) -> list[AccountExport]:
    """The same with `CAMPAIGN=AMOUNT`. Raises WrongUse."""
    campaign, equals, text = pair.rpartition("=")
    if not equals or not campaign:
        raise WrongUse(f"--budget {pair!r} is not of the form CAMPAIGN=AMOUNT, for example 'Brand=50'")
    holding = [each for each in exports if campaign in each.campaigns]
    if not holding:
        names = ", ".join(repr(name) for each in exports for name in each.campaigns[:5])
        raise WrongUse(f"--budget {pair!r}: the file has no campaign {campaign!r}; it has {names}")
    for export in holding:
        if any(row.budget_micros is not None for row in export.rows if row.campaign == campaign):
            raise WrongUse(f"--budget {pair!r}: the file has a budget of {campaign!r} itself: leave it out")
        if not export.currency:
            raise WrongUse(f"--budget {pair!r}: the file names no currency: say which, as in --currency USD")
    return [
        with_budget(each, campaign, amount(text, "--budget", each.currency)) if each in holding else each
        for each in exports
    ]


def refuse_amount_of_two(option: str, amount: str | None, exports: Sequence[AccountExport]) -> None:
    """Raise WrongUse where one amount would be held against several currencies."""
    if amount and len(exports) > 1:
        codes = ", ".join(each.currency or "no currency" for each in exports)
        raise WrongUse(f"{option}: the file has amounts in {codes}, which are never added: give a file of one currency")


def today_of(arguments: argparse.Namespace, exports: Sequence[AccountExport]) -> date:
    """The day that the options name, else the one after the exports' last day. Raises WrongUse."""
    last = max(each.last_day for each in exports)
    today = day_said(arguments) or last + timedelta(days=1)
    if today < last:
        raise WrongUse(f"--today {today} lies before the file's last day, {last}")
    return today


def day_said(arguments: argparse.Namespace) -> date | None:
    """The day that --today names. Raises WrongUse."""
    try:
        return None if arguments.today is None else date.fromisoformat(arguments.today)
    except ValueError:
        raise WrongUse(f"--today {arguments.today} is not a day such as 2026-03-31") from None


def refuse_page(arguments: argparse.Namespace, *read: str) -> None:
    """Raise WrongUse where the page would be written over a file that is no page, or over one of those that are read.

    Asked before anything is computed.
    """
    if arguments.page:
        refuse_to_overwrite("--page", Path(arguments.page), ACCOUNT_PAGE, arguments, read)


def write_page(arguments: argparse.Namespace, title: str, sections: Sequence[PageSection]) -> list[str]:
    """Write the page where the options ask for one; a sentence that says where it is. Raises Refused."""
    if not arguments.page:
        return []
    from gaelp.reports.account_page import account_page

    place = Path(arguments.page)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(account_page(title, sections), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{place} cannot be written: {error.strerror}") from error
    return [f"The page is {place}."]
