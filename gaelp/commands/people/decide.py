"""The verbs `approve` and `reject`: show the request, sign it, send the signed decision, and show its result.

Nothing is decided here: gaelp/ledger checks the signature. What the request shows stands in
gaelp/domain/spending/approval_card.py. Touch this to change how a person is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse, table
from gaelp.domain.ids import phase_id
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import SignedDecision
from gaelp.domain.spending.approved_campaigns import campaign_table
from gaelp.settings import Settings

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger

POLL_SECONDS = 0.2


def approve(arguments: argparse.Namespace, out: Out) -> int:
    """Approve the spend that a run waits for."""
    if arguments.page:
        from gaelp.commands.approval_page.decision_page import approve_on_page

        return approve_on_page(arguments, out)
    return _decide(arguments, "approve", out)


def reject(arguments: argparse.Namespace, out: Out) -> int:
    """Refuse it; the run ends."""
    return _decide(arguments, "reject", out)


def _decide(arguments: argparse.Namespace, decision: str, out: Out) -> int:
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)
    ledger = connections.open_ledger(settings)
    card = open_card(ledger, run, arguments.request)
    signed = signed_with(_key_file(arguments.key, settings), card, decision, arguments.reason)
    out.card(card.shown)  # after a key that cannot be read was refused, and before anything is sent
    if arguments.campaigns:
        headings, *rows = campaign_table(
            ledger.approved_campaigns(card.request.campaigns_digest), card.request.currency
        )
        out.console(stderr=True).print(table(headings, rows), highlight=False)
    workflow = phase_id(run, card.request.phase)
    if arguments.print:
        sys.stdout.write(json.dumps(signed.model_dump(mode="json")) + "\n")
        out.note(f"send: temporal workflow signal --workflow-id {workflow} --name {decision} --input-file FILE")
        return DONE
    shown_at = time.monotonic()
    if _confirm(arguments, decision, card, out):
        signed = signed.model_copy(update={"looked_seconds": round(time.monotonic() - shown_at, 1)})
    mark = last_sequence(ledger)
    asyncio.run(send(settings, workflow, decision, signed))
    state = await_outcome(ledger, signed, mark, arguments.timeout)
    out.result(
        {"run": run, "request": signed.request_id, "decision": decision, "accepted": True, "state": state},
        f"accepted: request {signed.request_id} is {state}",
    )
    return DONE


def open_card(ledger: Ledger, run: str, request_id: str | None) -> ApprovalCard:
    """The one request that is meant. Raises Refused where none is open, or several and none was named."""
    cards = ledger.open_requests(run)
    if not cards:
        raise Refused(f"nothing of run {run!r} waits for approval: `starter.py status {run}` shows where it stands")
    named = [card for card in cards if request_id in (None, card.request.request_id)]
    ids = ", ".join(card.request.request_id for card in cards)
    if not named:
        raise Refused(f"request {request_id!r} of run {run!r} is not open; open: {ids}")
    if len(named) > 1:
        raise Refused(f"run {run!r} has several open requests ({ids}): name one with --request")
    if not named[0].is_as_signed:
        raise Refused(f"the card of {ids} was changed after the request was opened: nobody may sign what it says")
    return named[0]


def signed_with(key: Path, card: ApprovalCard, decision: str, reason: str = "") -> SignedDecision:
    """Sign with a private key file; raises BadKey."""
    from gaelp.ledger.signatures import read_key, sign

    return sign(read_key(key), card.request, decision, reason)


def last_sequence(ledger: Ledger) -> int:
    """Number of the journal's newest entry; its numbers have no gaps, so halving finds it."""
    low, high = 0, 1
    while ledger.journal(after=high - 1, limit=1):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if ledger.journal(after=middle - 1, limit=1):
            low = middle
        else:
            high = middle
    return low


def await_outcome(ledger: Ledger, signed: SignedDecision, mark: int, seconds: float) -> str:
    """The request's new state once the ledger has accepted. Raises Refused with the ledger's reason, or too late."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for entry in ledger.journal(after=mark):
            mark = entry.sequence
            if entry.key != signed.request_id or signed.signature not in entry.detail:
                continue
            if entry.kind == signed.decision:
                return ledger.request_state(signed.request_id)
            if entry.kind == "refuse":
                reason = json.loads(entry.detail)["reason"]
                raise Refused(f"refused: {reason}", request=signed.request_id, accepted=False, reason=reason)
        time.sleep(POLL_SECONDS)
    raise Refused(
        f"the decision on {signed.request_id} was sent, and nobody judged it within {seconds:g} seconds: is a worker "
        "running (`make dev`)? It stays valid; do not sign again before `starter.py status` shows what became of it",
        request=signed.request_id,
    )


async def send(settings: Settings, workflow: str, decision: str, signed: SignedDecision) -> None:
    """Signal a signed decision to the phase that waits for it. Raises Refused where it is gone or away."""
    from temporalio.service import RPCError, RPCStatusCode

    handle = (await connections.temporal(settings)).get_workflow_handle(workflow)
    try:
        await handle.signal(decision, signed.model_dump(mode="json"), rpc_timeout=connections.RPC)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Refused(f"{workflow} is not running any more: nobody waits for this decision") from error
        raise Refused(
            f"whether the decision has reached {workflow} is not known, because Temporal answered {error.status.name}: "
            f"`starter.py status {signed.request_id.split('/')[0]}` shows what became of it; if it is open still, "
            "decide again",
            request=signed.request_id,
        ) from error


def _key_file(named: str | None, settings: Settings) -> Path:
    if named:
        return Path(named)
    if settings.approver_key is not None:
        return settings.approver_key
    folder = settings.home / "keys"
    keys = sorted(folder.glob("*.pem"))
    if len(keys) == 1:
        return keys[0]
    what = f"{len(keys)} keys are in {folder}" if keys else f"there is no key in {folder}"
    raise Refused(f"{what}: name one with --key, or make one with `starter.py keys new NAME --out FILE`")


def _confirm(arguments: argparse.Namespace, decision: str, card: ApprovalCard, out: Out) -> bool:
    """Ask a person at a terminal, and whether one was asked; a script has decided already by calling."""
    if not (arguments.yes or arguments.key or out.as_json or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise WrongUse("there is no terminal to ask at: name the key with --key FILE, or say --yes, to sign unasked")
    if arguments.yes or out.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{decision} {card.request.request_id}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("nothing was signed or sent")
    return True
