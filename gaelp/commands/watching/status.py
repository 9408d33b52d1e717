"""The verbs `status` and `list`. Touch this to change what they print; gaelp/commands/watching/snapshot.py reads it."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, instant, money, table
from gaelp.commands.runs.launching import web_address
from gaelp.commands.watching.progress import headline
from gaelp.commands.watching.snapshot import RunView, awaiting, listed, view
from gaelp.domain.phases import Status


def status(arguments: argparse.Namespace, out: Out) -> int:
    """Where one run stands."""
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)

    async def read() -> RunView:
        return await view(await connections.temporal(settings), run)

    now = asyncio.run(read())
    currency = str(now.memo.get("currency", ""))
    rows = [
        (p.phase, p.state, p.verdict, money(p.spend_micros), instant(p.started), instant(p.ended), p.reason)
        for p in now.phases
    ]
    columns = ("phase", "state", "verdict", f"spent {currency}".rstrip(), "began", "ended", "reason")
    ending = [now.reason] if now.reason else []
    out.result(
        {**now.document(), "web": web_address(settings, run)},
        headline(now),
        *ending,
        "  ".join(f"{key}={value}" for key, value in sorted(now.memo.items())),
        *([table(columns, rows)] if rows else []),
        web_address(settings, run),
    )
    return DONE


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
