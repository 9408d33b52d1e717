"""The verb `stop`: pauses everything of an account and reads it back. It needs neither Temporal nor a worker.

Touch this with the runbook in hand; the order of a stop is in gaelp/ledger/account_stop.py.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from functools import partial

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse
from gaelp.commands.runs.stop_notice import tell_runs
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.ids import checked_name
from gaelp.errors import FAILED
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.background_calls import answered, in_background
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerError, UnknownAccount
from gaelp.messages.emergency_stop import StopReport
from gaelp.platforms.adapters import STOP_SECONDS, open_platform
from gaelp.platforms.protocol import PlatformError
from gaelp.settings import Settings

LEDGER_SECONDS = 2.0  # to open it; a stop that waits for the ledger lets campaigns spend


def stop(arguments: argparse.Namespace, out: Out) -> int:
    """Stop the account of a run, one account, or all; then tell the runs, if Temporal is there."""
    settings = connections.read_settings()
    ledger, trouble = _ledger(settings)
    accounts = _accounts(arguments, ledger, trouble)
    reports = [_stop(account, ledger, settings, arguments.reason) for account in accounts]
    for report in reports:
        out.note(_sentence(report))
    notice = asyncio.run(tell_runs(settings, arguments.run, {account.account for account in accounts}))
    if notice.no_reaper:
        out.note(
            f"no reaper looks after calls that come late ({notice.no_reaper}): start a worker, or look at the platform "
            "again in a minute"
        )
    stopped = bool(reports) and all(report.stopped for report in reports)
    document = {"stopped": stopped, "accounts": reports, "runs_told": notice.told, "no_reaper": notice.no_reaper}
    paused = [name for report in reports for name in report.paused]
    out.result(
        document,
        *(f"paused {name}" for name in paused),
        f"{_state(stopped)}: {len(paused)} campaigns paused; runs told: {', '.join(notice.told) or '-'}",
    )
    return DONE if stopped else FAILED


def _ledger(settings: Settings) -> tuple[Ledger | None, str]:
    """The ledger, and why there is none; one that does not answer is not waited for."""
    opening = in_background(partial(connections.open_ledger, settings))
    if not answered(opening, LEDGER_SECONDS):
        return None, f"the ledger does not answer within {LEDGER_SECONDS:g} seconds"
    try:
        return opening.result(), ""
    except (LedgerError, OSError) as error:
        return None, str(error)


def _accounts(arguments: argparse.Namespace, ledger: Ledger | None, trouble: str) -> tuple[Account, ...]:
    if arguments.account is not None:
        return (_account(arguments.account, ledger),)
    if ledger is None:
        raise Refused(f"{trouble}. Without the ledger an account can be stopped by its name: stop --account NAME")
    if arguments.all:
        if not (everything := ledger.accounts()):
            raise Refused("the ledger holds no account: there is nothing to stop")
        return everything
    run = connections.run_name(arguments.run)
    accounts = {each.run: each.account for each in ledger.runs()}
    if run not in accounts:
        raise Refused(f"there is no run {run!r} in the ledger: stop --account NAME, or stop --all")
    return (ledger.account(accounts[run]),)


def _account(name: str, ledger: Ledger | None) -> Account:
    """The account, as the ledger knows it; where the ledger is gone, one on the only platform there is."""
    try:
        checked_name(name, "the account")
    except ValueError as error:
        raise WrongUse(str(error)) from None
    try:
        if ledger is not None:
            return ledger.account(name)
    except UnknownAccount:
        raise
    except (LedgerError, OSError):
        pass  # a stop goes on without the ledger
    return Account(
        account=name,
        kind=AccountKind.EMULATOR,
        platform="emulator",
        currency="USD",
        daily_cap_micros=0,
        total_cap_micros=0,
    )


def _stop(account: Account, ledger: Ledger | None, settings: Settings, reason: str) -> StopReport:
    try:
        platform = open_platform(account, settings, STOP_SECONDS)
    except PlatformError as error:
        return StopReport(account=account.account, stopped=False, fence=-1, reason=str(error))
    order = StopOrder(account.account, reason, connections.user_name())
    return stop_account(ledger, platform, order, WallClock(connections.now, time.sleep))


def _state(stopped: bool) -> str:
    return "stopped" if stopped else "NOT STOPPED"


def _sentence(report: StopReport) -> str:
    return f"account {report.account}: {_state(report.stopped)} in {report.seconds:.1f} s; {report.reason}"
