"""The verb `notify`: reads the ledger's journal as it grows, and sends people what they must know.

It needs neither Temporal nor a worker, so a stop is told of while both are away. What was told is a number for each
account in a file of GAELP_HOME; a message that could not be sent is tried again, so one may come twice and none is
lost. Touch this to change when the journal is looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse
from gaelp.commands.people.decide import last_sequence
from gaelp.commands.people.message_services import Addresses, read_addresses, send
from gaelp.domain.monitoring.alerts import raised_by
from gaelp.domain.notifications import REPEATS_WAIT, Notification, message, message_due, notification_of
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable

TOLD = "notified.json"  # account -> number of the last journal entry that was told
_TOLD = TypeAdapter(dict[str, NonNegativeInt])


def notify(arguments: argparse.Namespace, out: Out) -> int:
    """Send a test message, or watch the journal until interrupted; with --once look a single time."""
    settings = connections.read_settings()
    ledger = connections.open_ledger(settings)
    if settings.notifications is None:
        raise WrongUse("GAELP_NOTIFICATIONS names no file of addresses: set it to one (docs/runbook.md, Messages)")
    addresses = read_addresses(settings.notifications, [each.account for each in ledger.accounts()])
    if arguments.test:
        return _test(addresses, out)
    watcher = Watcher(ledger, addresses, settings.home / TOLD)
    out.note(f"telling the people of {', '.join(sorted(addresses))} what the ledger notes from now on")
    pause = threading.Event()
    while True:
        try:
            for line in watcher.look(connections.now()):
                out.note(line)
        except LedgerUnavailable as away:
            if arguments.once:
                raise
            out.note(f"it looks again in {arguments.every:g} s: {away}")  # whoever ended here would tell of no alarm
        if arguments.once:
            out.result({"told": dict(watcher.told)}, "looked once")
            return DONE
        pause.wait(arguments.every)


def _test(addresses: Addresses, out: Out) -> int:
    text = "This is a test of GAELP's messages. Nothing waits for you."
    unsent = {account: send(listed, f"GAELP, {account}: test", text) for account, listed in addresses.items()}
    failed = {account: count for account, count in unsent.items() if count}
    if failed:
        told = ", ".join(f"{count} of {len(addresses[account])} of {account}" for account, count in failed.items())
        raise Refused(f"the test message did not reach every address ({told}): check them and try again", unsent=failed)
    out.result({"unsent": {}}, f"the test message was sent to the people of {', '.join(sorted(addresses))}")
    return DONE


class Watcher:
    """Tells the people of each account once what is new in the journal."""

    def __init__(self, ledger: Ledger, addresses: Addresses, path: Path) -> None:
        self._ledger, self._addresses, self._path = ledger, addresses, path
        self._currencies = {each.account: each.currency for each in ledger.accounts()}
        self._tried: dict[str, datetime] = {}
        self._sent: dict[str, dict[str, datetime]] = {account: {} for account in addresses}  # sentence -> when
        self.told = self._read()

    def _read(self) -> dict[str, int]:
        """Who is new here is told what happens from now on, not the whole past."""
        newest = last_sequence(self._ledger)
        kept = self._kept()
        told = {account: min(kept.get(account, newest), newest) for account in self._addresses}
        self._keep(told)
        return told

    def _kept(self) -> dict[str, int]:
        """What was told before; Refused where the file says nothing, because guessing would tell nobody of an alarm."""
        try:
            return _TOLD.validate_json(self._path.read_bytes()) if self._path.exists() else {}
        except (ValidationError, OSError):
            raise Refused(
                f"{self._path} does not say what was told before: delete it to be told from now on, and read what "
                "came meanwhile with `starter.py list` and the journal"
            ) from None

    def look(self, now: datetime) -> Iterator[str]:
        """Send what is due; one line for each message, and for each that could not be sent."""
        for account, addresses in self._addresses.items():
            notifications, seen = self._news(account, now)
            if not notifications:
                self._note(account, seen)
            elif message_due(notifications, now, self._tried.get(account), self._repeated(account, now)):
                title, text = message(account, notifications)
                unsent, self._tried[account] = send(addresses, title, text), now
                if unsent == len(addresses):
                    yield f"not sent, and tried again in a minute: {title}"
                    continue
                self._note(account, seen)
                self._sent[account].update({each.text: now for each in notifications})
                yield (
                    f"sent, but not to {unsent} of {len(addresses)} addresses: {title}" if unsent else f"sent: {title}"
                )

    def _repeated(self, account: str, now: datetime) -> dict[str, datetime]:
        """What was sent of late; the rest is forgotten, so that a watcher of months does not grow."""
        kept = {text: at for text, at in self._sent[account].items() if now - at < REPEATS_WAIT}
        self._sent[account] = kept
        return kept

    def _news(self, account: str, now: datetime) -> tuple[list[Notification], int]:
        seen, notifications = self.told[account], []
        while page := self._ledger.journal(after=seen):
            seen = page[-1].sequence
            wanted = self._unsilenced([entry for entry in page if entry.account == account], now)
            told = (notification_of(entry, self._currencies[account]) for entry in wanted)
            notifications += [each for each in told if each is not None]
        return notifications, seen

    def _unsilenced(self, entries: Sequence[JournalEntry], now: datetime) -> Sequence[JournalEntry]:
        """Those of which a person wants messages: what is silenced is no alarm, and stands among the alerts."""
        alerts = {entry.sequence: raised for entry in entries if (raised := raised_by(entry))}
        if not alerts:
            return entries
        book = self._ledger.alert_book()
        quiet = {sequence for sequence, each in alerts.items() if book.tells_nobody(each, now)}
        return [entry for entry in entries if entry.sequence not in quiet]

    def _note(self, account: str, sequence: int) -> None:
        if self.told[account] != sequence:
            self.told[account] = sequence
            self._keep(self.told)

    def _keep(self, told: dict[str, int]) -> None:
        whole = self._path.with_suffix(".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(json.dumps(told))
        os.replace(whole, self._path)
