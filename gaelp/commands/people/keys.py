"""The verb `keys`: approvers and their keys, as an account's owner sets them. Touch this to change what a key is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse, money, table
from gaelp.commands.people.accounts import amount
from gaelp.commands.people.approver_habits import DECISIONS, Habit, habits_of
from gaelp.domain.ad_accounts import Approver
from gaelp.ledger import signatures

if TYPE_CHECKING:
    from gaelp.domain.spending.ledger_records import JournalEntry
    from gaelp.ledger.ledger import Ledger


def keys(arguments: argparse.Namespace, out: Out) -> int:
    """List approvers, or make, enter or remove a key."""
    does = {None: _list, "list": _list, "new": _new, "add": _add, "remove": _remove}
    return does[arguments.action](arguments, out)


def _new(arguments: argparse.Namespace, out: Out) -> int:
    name = _person(arguments.name)
    key = signatures.new_key()
    path = Path(arguments.out)
    signatures.write_key(path, key.pem)
    out.result(
        {"name": name, "key_id": key.key_id, "public_key": key.public_key, "file": path},
        f"key {key.key_id} of {name} is in {path}; keep it to yourself. Its public half, for the account's owner:",
        key.public_key,
        f"starter.py keys add --account ACCOUNT --public {key.public_key} --name {name!r} --limit AMOUNT",
    )
    return DONE


def _add(arguments: argparse.Namespace, out: Out) -> int:
    ledger = connections.open_ledger(connections.read_settings())
    currency = ledger.account(arguments.account).currency
    limit, name = amount(arguments.limit, "--limit", currency), _person(arguments.name)
    public, credential, origin = _public_half(arguments, ledger, out)
    approver = Approver(
        account=arguments.account,
        key_id="",
        name=name,
        public_key=public,
        limit_micros=limit,
        demo=arguments.demo,
        credential=credential,
        origin=origin,
    )
    key_id = signatures.key_id_of_approver(approver)
    approver = approver.model_copy(update={"key_id": key_id})
    ledger.put_approver(approver, by=connections.user_name())
    out.result(
        {"approver": approver},
        f"{approver.name} ({key_id}) may approve up to {money(approver.limit_micros, currency)} on {approver.account}",
    )
    return DONE


def _public_half(arguments: argparse.Namespace, ledger: Ledger, out: Out) -> tuple[str, str, str]:
    """The public key; and of a passkey its credential id and the address of its page."""
    if arguments.passkey:
        from gaelp.commands.approval_page.registration_page import register_on_page

        def record(reason: str) -> None:
            ledger.note_refused_page(arguments.account, "", reason, connections.now())

        passkey, origin = register_on_page(arguments, record, out)
        return passkey.public_key, passkey.credential, origin
    if arguments.public is not None:
        return arguments.public, "", ""
    return signatures.public_of(signatures.read_key(Path(arguments.key)))[0], "", ""


def _list(arguments: argparse.Namespace, out: Out) -> int:
    ledger = connections.open_ledger(connections.read_settings())
    of_accounts = ledger.accounts() if arguments.account is None else (ledger.account(arguments.account),)
    rows, told = [], []
    for account in of_accounts:
        habits = habits_of(_decisions(ledger), account.account)
        for a in ledger.approvers(account.account):
            habit, signs_with = habits.get(a.key_id, Habit()), f"passkey on {a.origin}" if a.credential else "key file"
            shown = (money(a.limit_micros, account.currency), "yes" if a.demo else "no")
            rows.append((a.account, a.name, a.key_id, *shown, signs_with, habit.refused_share, habit.looked))
            more = {"signs_with": signs_with, "refused": habit.refused_share, "looked": habit.looked}
            told.append({**a.model_dump(mode="json"), **more})
    columns = ("account", "name", "key", "limit", "demo", "signs with", "refused", "looked (median)")
    nobody = f"nobody may approve on {arguments.account or 'any account'}: `starter.py keys add` enters a person"
    identity = ledger.identity()
    shown_rows = table(columns, rows) if rows else nobody
    out.result({"ledger": identity, "approvers": told}, shown_rows, f"ledger {identity}")
    return DONE


def _decisions(ledger: Ledger) -> Iterator[JournalEntry]:
    after = 0
    while page := ledger.journal(after, kinds=DECISIONS):
        yield from page
        after = page[-1].sequence


def _remove(arguments: argparse.Namespace, out: Out) -> int:
    ledger = connections.open_ledger(connections.read_settings())
    ledger.account(arguments.account)
    if not ledger.remove_approver(arguments.account, arguments.key_id, by=connections.user_name()):
        raise Refused(f"no key {arguments.key_id!r} may approve on account {arguments.account!r}: see `keys list`")
    out.result(
        {"account": arguments.account, "removed": arguments.key_id},
        f"key {arguments.key_id} may not approve on {arguments.account} any more",
    )
    return DONE


def _person(name: str) -> str:
    """A person's name as it is shown and recorded."""
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise WrongUse(f"{name!r} is no person's name: use 1 to 100 printable characters")
    return name.strip()
