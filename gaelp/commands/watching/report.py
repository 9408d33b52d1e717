"""The verb `report`: one HTML page about a run. Touch this to change where it goes, gaelp/reports to change it."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out


def report(arguments: argparse.Namespace, out: Out) -> int:
    """Write the page and its plots."""
    from gaelp.records.content_store import ContentStore
    from gaelp.reports.report_facts import Sources
    from gaelp.reports.report_page import build_report

    settings = connections.read_settings()
    run = connections.run_name(arguments.run)
    folder = Path(arguments.output) if arguments.output else settings.home / "reports" / run
    warehouse = connections.open_warehouse(settings)
    try:
        sources = Sources(warehouse, connections.open_ledger(settings), ContentStore(settings.store))
        built = build_report(sources, run, folder)
    finally:
        warehouse.close()
    stands = built.first_lines
    out.result(built.document(), stands.sentence, f"next: {stands.action} {stands.command}".rstrip(), str(built.page))
    return DONE
