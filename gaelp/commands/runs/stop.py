"""The verb `stop`: pauses everything of an account and reads it back. It needs neither Temporal nor a worker.

Touch this with the runbook in hand; the order of a stop is in gaelp/ledger/account_stop.py.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from concurrent.futures import Future
from functools import partial

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse
from gaelp.commands.runs.stop_notice import Notice, open_runs, run_is_closed, tell_runs
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.ids import checked_name, run_of_workflow
from gaelp.errors import FAILED
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.background_calls import all_in_parallel, answered, in_background
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerError, UnknownAccount
from gaelp.messages.emergency_stop import StopReport
from gaelp.platforms.adapters import STOP_SECONDS, open_platform
from gaelp.platforms.protocol import PlatformError
from gaelp.settings import Settings

LEDGER_SECONDS = 2.0  # to open it; a stop that waits for the ledger lets campaigns spend
WAITING_SECONDS = 0.5  # to read in it which runs wait, beside the reading of which are open
ACCOUNT_SECONDS = 120.0  # no stop of one account takes as long


def stop(arguments: argparse.Namespace, out: Out) -> int:
    """Stop one run, one account, or all; then tell the runs, if Temporal is there."""
    settings = connections.read_settings()
    ledger, trouble = _ledger(settings)
    run = connections.run_name(arguments.run) if arguments.run is not None else ""
    accounts = _accounts(arguments, ledger, trouble)
    if not run:
        _announce(arguments, accounts, ledger, settings, out)
    elif ledger is not None and _ended(settings, ledger, run, accounts):
        raise Refused(f"the run {run!r} has ended: there is nothing to stop")
    reports: list[StopReport] = []
    orders = [StopOrder(each.account, arguments.reason, connections.user_name(), run) for each in accounts]
    calls = [partial(_stop, *each, ledger, settings, reports) for each in zip(accounts, orders, strict=True)]
    all_in_parallel(calls, at_once=len(calls), seconds=ACCOUNT_SECONDS)
    waiting = [phase for report in reports for phase in report.waiting]
    notice = asyncio.run(tell_runs(settings, run, {each.account for each in accounts}, waiting))
    return _report(reports, notice, run, out)


def _waiting_runs(ledger: Ledger | None, accounts: tuple[Account, ...]) -> Future[set[str]]:
    """Runs on the accounts that wait for an approval; a stop does not wait for the answer."""

    def read() -> set[str]:
        phases = [] if ledger is None else [p for each in accounts for p in ledger.waiting_phases(each.account)]
        return {run_of_workflow(phase) for phase in phases}

    return in_background(read)


def _announce(
    arguments: argparse.Namespace, accounts: tuple[Account, ...], ledger: Ledger | None, settings: Settings, out: Out
) -> None:
    """Say which runs will end, and ask a person at a terminal; a script has decided already by calling."""
    names = ", ".join(each.account for each in accounts)
    reading = _waiting_runs(ledger, accounts)
    runs = asyncio.run(open_runs(settings, {each.account for each in accounts}))
    waiting = reading.result() if answered(reading, WAITING_SECONDS) and reading.exception() is None else set()
    ending, asking = [r for r in runs or () if r not in waiting], [r for r in runs or () if r in waiting]
    if asking:
        out.note(f"these runs on {names} wait for an approval and will ask for it anew: {', '.join(asking)}")
    if runs is None:
        out.note(
            f"Temporal does not answer: every run on {names} that is open will end, but one that waits for an approval"
        )
    elif ending:
        out.note(f"these runs on {names} will end: {', '.join(ending)}")
    if arguments.yes or out.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    sys.stderr.write(f"stop everything on {names}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("nothing was stopped")


def _ended(settings: Settings, ledger: Ledger, run: str, accounts: tuple[Account, ...]) -> bool:
    """Whether nothing of the run can spend any more: its books are closed, and so is its workflow.

    One that was terminated by hand leaves open books, and perhaps an enabled campaign: it can be stopped.
    """
    unsettled = any(each.state != "settled" for each in ledger.reservations(run=run))
    claims = [claim for each in accounts for claim in ledger.unresolved_claims(each.account)]
    if unsettled or any(claim.run == run for claim in claims):
        return False
    return asyncio.run(run_is_closed(settings, run))


def _report(reports: list[StopReport], notice: Notice, run: str, out: Out) -> int:
    for report in reports:
        out.note(f"{f'run {run}' if run else f'account {report.account}'}: {_sentence(report)}")
    if notice.no_reaper:
        out.note(
            f"no reaper looks after calls that come late ({notice.no_reaper}): start a worker, or look at the platform "
            "again in a minute"
        )
    stopped = bool(reports) and all(report.stopped for report in reports)
    document = {
        "stopped": stopped,
        "accounts": reports,
        "runs_told": notice.told,
        "asked_anew": notice.asked_anew,
        "no_reaper": notice.no_reaper,
    }
    paused = [name for report in reports for name in report.paused]
    out.result(
        document,
        *(f"paused {name}" for name in paused),
        f"{_state(stopped)}: {len(paused)} campaigns paused; runs told: {', '.join(notice.told) or '-'}",
        *([f"asked anew for their approval: {', '.join(notice.asked_anew)}"] if notice.asked_anew else []),
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
    registered = ledger.run(arguments.run)
    if registered is None:
        raise Refused(f"there is no run {arguments.run!r} in the ledger: stop --account NAME, or stop --all")
    # Whoever starts a phase by hand may have asked on another account, and a person may have signed it.
    spends_on = {each.account for each in ledger.reservations(run=arguments.run)}
    return tuple(ledger.account(name) for name in sorted({registered.account, *spends_on}))


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


def _stop(
    account: Account, order: StopOrder, ledger: Ledger | None, settings: Settings, reports: list[StopReport]
) -> None:
    try:
        platform = open_platform(account, settings, STOP_SECONDS)
    except PlatformError as error:
        reports.append(StopReport(account=account.account, stopped=False, fence=-1, reason=str(error)))
        return
    reports.append(stop_account(ledger, platform, order, WallClock(connections.now, time.sleep)))


def _state(stopped: bool) -> str:
    return "stopped" if stopped else "NOT STOPPED"


def _sentence(report: StopReport) -> str:
    return f"{_state(report.stopped)} in {report.seconds:.1f} s; {report.reason}"
