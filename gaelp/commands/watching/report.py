"""The verb `report`: one HTML page about a run, or about all of them.

Touch this to change where a page goes, gaelp/reports to change what is on it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse
from gaelp.commands.written_files import RUN_PAGE, refuse_foreign_folder, refuse_to_overwrite

if TYPE_CHECKING:
    from gaelp.reports.report_page import BuiltReport


def report(arguments: argparse.Namespace, out: Out) -> int:
    """Write the page and its plots, or the page about all runs."""
    from gaelp.records.warehouse.run_rows import run_rows

    if arguments.all and arguments.to:
        raise WrongUse("--to sends one run: name it instead of --all")
    if arguments.all:
        return _fleet(arguments, out)
    if arguments.output:
        refuse_foreign_folder("--output", Path(arguments.output), "report.html", RUN_PAGE, arguments)
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)
    folder = Path(arguments.output) if arguments.output else settings.home / "reports" / run
    warehouse = connections.open_warehouse(settings)
    try:
        run_rows(warehouse, run)  # refuses an unknown run before the page's libraries are imported
        from gaelp.records.content_store import ContentStore
        from gaelp.reports.report_facts import Sources
        from gaelp.reports.report_page import build_report

        sources = Sources(warehouse, connections.open_ledger(settings), ContentStore(settings.store))
        built = build_report(sources, run, folder)
    finally:
        warehouse.close()
    stands = built.first_lines
    sent = _sent(built, arguments.to)
    shown = (stands.sentence, f"next: {stands.action} {stands.command}".rstrip(), str(built.page))
    out.result({**built.document(), **({"tracker": sent} if sent else {})}, *shown, *([sent] if sent else []))
    return DONE


def _sent(built: BuiltReport, tracker: str | None) -> str:
    """Where a tracker shows the run; empty where it was sent to none."""
    if not tracker:
        return ""
    from gaelp.reports.tracking.tracked_run import send, tracked_run

    return send(tracker, tracked_run(built.facts, built.page))


def _fleet(arguments: argparse.Namespace, out: Out) -> int:
    """The page about all runs, beside the folders of their reports."""
    from gaelp.reports.fleet.fleet_facts import gather_fleet
    from gaelp.reports.fleet.fleet_page import document, in_one_sentence, write_fleet_page

    settings = connections.read_settings()
    page = (Path(arguments.output) if arguments.output else settings.home / "reports") / "runs.html"
    if arguments.output:
        refuse_to_overwrite("--output", page, RUN_PAGE, arguments)
    warehouse, ledger = connections.open_warehouse(settings), connections.open_ledger(settings)
    try:
        fleet = gather_fleet(warehouse, ledger)
    finally:
        warehouse.close()
        ledger.close()
    write_fleet_page(fleet, page)
    out.result(document(fleet, page), in_one_sentence(fleet), str(page))
    return DONE
