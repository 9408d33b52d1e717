"""The verb `report`: one HTML page about a run. Touch this to change where it goes, gaelp/reports to change it."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out
from gaelp.commands.written_files import RUN_PAGE, refuse_foreign_folder


def report(arguments: argparse.Namespace, out: Out) -> int:
    """Write the page and its plots."""
    from gaelp.records.warehouse.run_rows import run_rows

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
    out.result(built.document(), stands.sentence, f"next: {stands.action} {stands.command}".rstrip(), str(built.page))
    return DONE
