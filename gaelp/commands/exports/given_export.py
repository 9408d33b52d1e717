"""The export that a verb is given, and the page that it writes. Touch this to give a verb's export in another form."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands.console import Refused, WrongUse
from gaelp.commands.logs_and_agents.ingest import source_of
from gaelp.domain.exports.account_export import AccountExport, anonymous

if TYPE_CHECKING:
    from gaelp.records.logs.ingestion import LogSource
    from gaelp.reports.account_page import PageSection


def export_source(file: str, arguments: argparse.Namespace) -> LogSource:
    """The file, and how the options say it is read. Raises WrongUse."""
    return source_of(argparse.Namespace(**{**vars(arguments), "file": file, "kind": "report", "name": "export"}))


def given_exports(file: str, arguments: argparse.Namespace) -> list[AccountExport]:
    """The file's export, one for each currency. Raises WrongUse and IngestError."""
    from gaelp.records.exports.read_export import read_export

    found = read_export(export_source(file, arguments), arguments.platform, arguments.currency.upper())
    return [anonymous(each) for each in found] if arguments.anonymous else found


def today_of(arguments: argparse.Namespace, exports: Sequence[AccountExport]) -> date:
    """The day that the options name, else the one after the exports' last day. Raises WrongUse."""
    last = max(each.last_day for each in exports)
    if arguments.today is None:
        return last + timedelta(days=1)
    try:
        today = date.fromisoformat(arguments.today)
    except ValueError:
        raise WrongUse(f"--today {arguments.today} is not a day such as 2026-03-31") from None
    if today < last:
        raise WrongUse(f"--today {today} lies before the file's last day, {last}")
    return today


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
