"""The verbs `status` and `list`: where runs stand by Temporal, and what `status` RUN has spent and asks by the ledger.

Touch this to change what they print; gaelp/commands/watching/snapshot.py reads what Temporal knows.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, instant, money, table
from gaelp.commands.runs.launching import web_address
from gaelp.commands.watching.progress import headline
from gaelp.commands.watching.snapshot import RunView, awaiting, listed, view
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Status
from gaelp.domain.spending.approval_card import asked_in_a_sentence
from gaelp.errors import GaelpError
from gaelp.settings import Settings

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger


def status(arguments: argparse.Namespace, out: Out) -> int:
    """Where one run stands."""
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)

    async def read() -> RunView:
        return await view(await connections.temporal(settings), run)

    now = asyncio.run(read())
    booked = _booked(settings, run, out)
    if booked is not None:
        now = replace(now, spend_micros=booked["spend_micros"])
    asked = booked["asked"] if booked is not None else []
    currency = str(now.memo.get("currency", ""))
    rows = [
        (p.phase, p.state, p.verdict, money(p.spend_micros), instant(p.started), instant(p.ended), p.reason)
        for p in now.phases
    ]
    columns = ("phase", "state", "verdict", f"spent {currency}".rstrip(), "began", "ended", "reason")
    ending = [now.reason] if now.reason else []
    out.result(
        {**now.document(), "asked": asked, "web": web_address(settings, run)},
        headline(now),
        *(each["sentence"] for each in asked),
        *ending,
        "  ".join(f"{key}={value}" for key, value in sorted(now.memo.items())),
        *([table(columns, rows)] if rows else []),
        web_address(settings, run),
    )
    return DONE


def _booked(settings: Settings, run: str, out: Out) -> dict[str, Any] | None:
    """What the ledger knows of a run; none, and a note, where it cannot be read."""
    try:
        ledger = connections.open_ledger(settings)
        try:
            return {"spend_micros": ledger.spent(run), "asked": asked_of(ledger, run)}
        finally:
            ledger.close()
    except GaelpError as error:
        out.note(f"the ledger cannot be read, so spend is as Temporal last had it: {error}")
        return None


def asked_of(ledger: Ledger, run: str) -> list[dict[str, Any]]:
    """What a person is asked to approve, with its amounts in a sentence, and whether a stop has voided it since."""
    asked = []
    for stored in ledger.undecided_requests(run):
        request, void = stored.request, stored.state == "void"
        sentence = asked_in_a_sentence(request, void=void)
        if void:
            sentence += "; within the hour, or at once where it is told to: temporal workflow signal --workflow-id "
            sentence += f"{phase_id(request.run, request.phase)} --name look"
        asked.append(
            {
                "request": request.request_id,
                "total_cap_micros": request.total_cap_micros,
                "daily_cap_micros": request.daily_cap_micros,
                "void": void,
                "sentence": sentence,
            }
        )
    return asked


def list_runs(arguments: argparse.Namespace, out: Out) -> int:
    """All runs, newest first."""
    settings = connections.read_settings()

    async def read() -> list[RunView]:
        client = await connections.temporal(settings)
        runs, waiting = await asyncio.gather(listed(client, arguments.limit), awaiting(client))
        return [
            replace(each, state=Status.AWAITING_APPROVAL, awaiting_approval=True) if each.run in waiting else each
            for each in runs
        ]

    runs = asyncio.run(read())
    rows = [
        (r.run, r.state, r.phase, r.memo.get("agent", ""), r.memo.get("profile", ""), money(r.spend_micros),
         instant(r.started), instant(r.ended))
        for r in runs
    ]  # fmt: skip
    text = table(("run", "state", "phase", "agent", "profile", "spent", "began", "ended"), rows) if rows else "no runs"
    out.result({"runs": [each.document() for each in runs]}, text)
    return DONE
