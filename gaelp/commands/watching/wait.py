"""The verb `wait`: returns when a run needs somebody or ends. Touch this to change what counts as needing somebody.

Its exit code is what a script goes by: as of `start --wait` where the run has ended, 4 where it needs somebody.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import NEEDS_SOMEBODY, NOT_GRADUATED, Out
from gaelp.commands.watching.progress import code_of, goes_on, heard
from gaelp.commands.watching.run_books import RunBooks
from gaelp.commands.watching.run_events import needs_somebody
from gaelp.commands.watching.snapshot import RunView
from gaelp.errors import FAILED

if TYPE_CHECKING:
    from gaelp.settings import Settings


def wait(arguments: argparse.Namespace, out: Out) -> int:
    """Wait, saying on stderr what happens meanwhile."""
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)
    now = asyncio.run(_until_needed(settings, run, out))
    need, code = needs_somebody(now), exit_code_of(now)
    web = connections.web_address(settings, run)
    document = {**now.document(), "needs": need, "exit_code": code, "web": web}
    out.result(document, need or f"{run}: {now.outcome or now.state}{f', {now.reason}' if now.reason else ''}", web)
    return code


async def _until_needed(settings: Settings, run: str, out: Out) -> RunView:
    client = await connections.temporal(settings)
    with goes_on(run):
        async for now, events in heard(client, run, RunBooks(settings)):
            for event in events:
                out.note(event.sentence)
            if needs_somebody(now):
                break
        return now


def exit_code_of(now: RunView) -> int:
    """What a run's state is to a script."""
    if not now.ended:
        return NEEDS_SOMEBODY
    if now.outcome:
        return code_of(now.outcome)
    return NOT_GRADUATED if now.state == "canceled" else FAILED
