"""The verbs `start` and `validate`. Touch this to change how a run begins."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, money, table
from gaelp.commands.runs.launching import Order, Words, check, configured, launch, order, signed_start, starting_key
from gaelp.commands.runs.start_facts import Reading, read_facts
from gaelp.domain.config.settings_without_effect import notes_on
from gaelp.domain.spending.signed_starts import unsigned_note
from gaelp.domain.start_conditions import StartFacts, spends_in
from gaelp.errors import WRONG_USE

if TYPE_CHECKING:
    from gaelp.domain.ad_accounts import Account
    from gaelp.messages.training_run import RunResult
    from gaelp.settings import Settings

NOT_SYNTAX = "whether the agents are installed, the account, the logs and the world: leave --syntax-only out"


def start(arguments: argparse.Namespace, out: Out) -> int:
    """Start a run; with --wait, until it ends."""
    import asyncio  # as in what follows a run: `validate` needs neither

    from gaelp.commands.watching.progress import code_of, follow, goes_on, show
    from gaelp.commands.watching.run_books import RunBooks

    settings = connections.read_settings()
    wanted = _ordered(arguments)
    key = starting_key(arguments.sign_with)
    check(wanted, StartFacts())  # what no service is needed for, before any is asked
    config = wanted.config
    web = connections.web_address(settings, wanted.run)
    notes: list[str] = []

    async def begin() -> RunResult | None:
        client = await connections.temporal(settings)
        ledger = connections.open_ledger(settings)
        handle = await launch(client, ledger, settings, wanted, signed_start(wanted, ledger, key))
        notes.extend(_unsigned(wanted, None if key else ledger.account(config.account)))
        for note in notes:
            out.note(f"note: {note}")
        if not arguments.wait:
            return None
        out.note(f"{wanted.run} started: {web}")
        with goes_on(wanted.run):
            return await follow(client, handle, show(client, wanted.run, RunBooks(settings), out))

    result = asyncio.run(begin())
    if result is None:
        document = {"run": wanted.run, "config_digest": wanted.config_digest, "web": web, "notes": notes}
        out.result(document, f"{wanted.run} started: {web}")
        return DONE
    show_end(result, code_of(result.outcome), config.currency, web, out)
    return code_of(result.outcome)


def _unsigned(wanted: Order, account: Account | None) -> list[str]:
    """What it comes to that nobody signs the start; nothing where the run spends nothing, or somebody has signed."""
    note = unsigned_note(account) if account is not None and spends_in(wanted.phases) else ""
    return [note] if note else []


def validate(arguments: argparse.Namespace, out: Out) -> int:
    """Check whether a run could start; print every error, what could not be checked, and a note on unused settings."""
    settings = connections.read_settings()
    wanted = _ordered(arguments, here=not arguments.syntax_only)
    config, name = wanted.config, wanted.config_digest
    reading = Reading(unread=[NOT_SYNTAX]) if arguments.syntax_only else _readable(settings, wanted)
    check(wanted, reading.facts)
    notes = [*notes_on(config), *_unsigned(wanted, reading.facts.account)]
    out.result(
        {
            "valid": True,
            "profile": config.profile,
            "config_digest": name,
            "notes": notes,
            "not_checked": reading.unread,
            "config": config,
            "origins": {path: asdict(origin) for path, origin in sorted(wanted.loaded.origins.items())},
        },
        f"{arguments.config} is valid: profile {config.profile}, {config.mode}, digest {name}",
        *(f"note: {note}" for note in notes),
        *(f"not checked: {what}" for what in reading.unread),
    )
    return DONE


def _ordered(arguments: argparse.Namespace, *, here: bool = True) -> Order:
    loaded = configured(arguments.config, arguments.set, arguments.agent, here=here)
    words: Words = {
        "from_phase": arguments.from_phase,
        "from_checkpoint": arguments.from_checkpoint,
        "until": arguments.until,
    }
    return order(loaded, arguments.experiment_name, words)


def _readable(settings: Settings, wanted: Order) -> Reading:
    """What can be read without making anything: a ledger that is not there is not made."""
    from gaelp.ledger.ledger_errors import LedgerUnavailable

    try:
        ledger = connections.open_ledger(settings) if connections.has_ledger(settings) else None
    except LedgerUnavailable as error:
        if error.exit_code == WRONG_USE:
            raise
        reading = read_facts(settings, None, wanted.input)
        return Reading(reading.facts, [str(error), *reading.unread[1:]])
    try:
        return read_facts(settings, ledger, wanted.input)
    finally:
        if ledger is not None:
            ledger.close()


def show_end(result: RunResult, code: int, currency: str, web: str, out: Out) -> None:
    """The end of a run: outcome, and each criterion with its verdict and reason."""
    rows = [
        (phase.phase, each.id, each.name, each.verdict, each.reason)
        for phase in result.phases
        for each in (phase.gate.criteria if phase.gate else ())
    ]
    out.result(
        {**result.model_dump(mode="json"), "web": web, "exit_code": code},
        f"{result.run}: {result.outcome}, {result.reason}",
        *([table(("phase", "criterion", "", "verdict", "reason"), rows)] if rows else []),
        f"spent {money(result.spend_micros, currency)}; {web}",
    )
