"""The approvals of `make demo`: a person is asked at a terminal, and without one the demo key signs and says so.

Touch this to change how a newcomer is asked.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from rich.progress import Progress
from rich.text import Text

from gaelp.commands import connections
from gaelp.commands.console import Refused
from gaelp.commands.people import decide as people
from gaelp.domain.ids import phase_id
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.local_stack import StackError, first_use
from gaelp.local_stack.services import ROOT
from gaelp.records.events.event_back_ends import read_events
from gaelp.settings import Settings

if TYPE_CHECKING:
    from gaelp.demos.whole_run import Demo

JUDGED_SECONDS = 60.0  # within which a worker has judged a signature
EVENT_WAIT_MS = 200  # how long the reader of events goes on after both runs have ended


def answer_requests(demo: Demo, bars: Progress, over: threading.Event) -> None:
    """Answer each request for approval the moment that its event comes, until `over`."""
    settings = Settings()
    ledger = connections.open_ledger(settings)
    reader = (settings.redis_url, settings.pubsub_project, f"{demo.name}-approvals")
    while not over.is_set():
        for event in read_events(*reader, wait_ms=EVENT_WAIT_MS):
            if event.kind == "approval.requested" and event.run in (demo.name, demo.poor):
                for card in ledger.open_requests(event.run):
                    decide(demo, card, bars)


def decide(demo: Demo, card: ApprovalCard, bars: Progress) -> None:
    """Ask at a terminal; approve with the demo key where there is none. The poor agent gets no money either way."""
    bars.stop()
    words = [card.request.run, "--request", card.request.request_id, "--key", str(demo.key)]
    if card.request.run == demo.poor:
        first_use.starter(["reject", *words, "--reason", "the poor agent must not come this far"], demo.environment)
    elif not (sys.stdin.isatty() and sys.stdout.isatty()):
        demo.console.print(Text(card.shown))
        demo.console.print(f"   no terminal to ask at: {card.request.request_id} is approved with the demo key")
        approve_unasked(demo, card)
    elif subprocess.run([sys.executable, str(ROOT / "starter.py"), "approve", *words], check=False).returncode != 0:
        first_use.starter(["reject", *words, "--reason", "declined at the terminal"], demo.environment)
    bars.start()


def approve_unasked(demo: Demo, card: ApprovalCard) -> None:
    """Sign with the demo key and send the signature, as `starter.py approve` does."""
    settings, request = Settings(), card.request
    ledger = connections.open_ledger(settings)
    signed, mark = people.signed_with(demo.key, card, "approve"), people.last_sequence(ledger)
    try:
        asyncio.run(people.send(settings, phase_id(request.run, request.phase), "approve", signed))
        people.await_outcome(ledger, signed, mark, JUDGED_SECONDS)
    except Refused as error:
        raise StackError(str(error)) from error
