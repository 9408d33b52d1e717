"""`exposure FILE`: what the campaigns of an export may lawfully be billed. Touch this to take one more option."""

from __future__ import annotations

import argparse
from datetime import date

from gaelp.commands.console import DONE, Out, money
from gaelp.commands.exports import exposure_view as view
from gaelp.commands.exports.given_export import (
    given_exports,
    refuse_amount_of_two,
    refuse_page,
    shown_name,
    today_of,
    write_page,
)
from gaelp.domain.exports.account_export import AccountExport
from gaelp.domain.exports.export_exposure import exported_campaigns

PLATFORM_NAMES = {"google-ads": "Google Ads", "meta": "Meta"}


def file_exposure(arguments: argparse.Namespace, out: Out) -> int:
    """Show it for each currency of the file; amounts of two are never added."""
    refuse_page(arguments, arguments.file)
    exports = given_exports(arguments.file, arguments)
    today = today_of(arguments, exports)
    refuse_amount_of_two("--cap", arguments.cap, exports)
    shown = [found for each in exports if (found := shown_exposure(arguments, each, today))]
    if not shown:
        nothing = f"{arguments.file}: no campaign runs, by its status: as things are set it is billed nothing more"
        out.result({"exposures": []}, nothing)
        return DONE
    pages = [view.exposure_section(each) for each in shown] if arguments.page else []
    written = write_page(arguments, f"{shown_name(arguments, arguments.file)}: what may be billed", pages)
    text = [part for each in shown for part in view.exposure_text(each)]
    out.result({"exposures": [view.exposure_document(each) for each in shown]}, *text, *written)
    return DONE


def shown_exposure(arguments: argparse.Namespace, export: AccountExport, today: date) -> view.ShownExposure | None:
    """What the running campaigns of an export may be billed; None where none runs. Raises NotLookedAt."""
    found = exported_campaigns(export, today)
    if not found.running:
        return None
    day = f"{today} is the day as given" if arguments.today else f"{today} is the day after (--today says another)"
    notes = [f"The file has {export.first_day} to {export.last_day}; {day}.", *found.assumptions]
    if found.stopped:
        billed = money(found.stopped_micros, export.currency)
        notes.append(f"Paused or ended, by the file: {', '.join(found.stopped)}; this month they were billed {billed}.")
    name = f"{shown_name(arguments, arguments.file)}, {PLATFORM_NAMES[found.running[0].platform]}"
    cap = view.monthly_cap(arguments.cap, export.currency)
    return view.ShownExposure(
        name, export.currency, today, found.running, cap, found.stopped_micros, found.not_looked_at, tuple(notes)
    )
