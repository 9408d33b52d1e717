"""The verb `keys`: approvers and their keys, as an account's owner sets them. Touch this to change what a key is."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, WrongUse, money, table
from gaelp.commands.people.accounts import amount
from gaelp.domain.ad_accounts import Approver
from gaelp.ledger import signatures


def keys(arguments: argparse.Namespace, out: Out) -> int:
    """new, add, list, remove."""
    return {"new": _new, "add": _add, "list": _list, "remove": _remove}[arguments.action](arguments, out)


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
    if arguments.public is not None:
        public, key_id = arguments.public, signatures.key_id_of(arguments.public)
    else:
        public, key_id = signatures.public_of(signatures.read_key(Path(arguments.key)))
    ledger = connections.open_ledger(connections.read_settings())
    currency = ledger.account(arguments.account).currency
    approver = Approver(
        account=arguments.account,
        key_id=key_id,
        name=_person(arguments.name),
        public_key=public,
        limit_micros=amount(arguments.limit, "--limit", currency),
        demo=arguments.demo,
    )
    ledger.put_approver(approver, by=connections.user_name())
    out.result(
        {"approver": approver},
        f"{approver.name} ({key_id}) may approve up to {money(approver.limit_micros, currency)} on {approver.account}",
    )
    return DONE


def _list(arguments: argparse.Namespace, out: Out) -> int:
    ledger = connections.open_ledger(connections.read_settings())
    currency = ledger.account(arguments.account).currency
    approvers = ledger.approvers(arguments.account)
    rows = [(a.name, a.key_id, money(a.limit_micros, currency), "yes" if a.demo else "no") for a in approvers]
    text = table(("name", "key", "limit", "demo"), rows) if rows else f"nobody may approve on {arguments.account}"
    out.result({"approvers": list(approvers)}, text)
    return DONE


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
