"""Where the messages of each account go: Apprise addresses in a file that only its owner may read.

Apprise speaks to webhooks, mail and most chats. Its addresses hold passwords and tokens, so no sentence of ours repeats
one. Touch this when people are to be reached by something that Apprise does not speak.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml

from gaelp.commands.console import WrongUse

Addresses = Mapping[str, tuple[str, ...]]  # by account

SHAPE = "write `ACCOUNT: [ADDRESS, …]`, one line for each account"


def read_addresses(path: Path, accounts: Collection[str]) -> Addresses:
    """The addresses of each account. Raises WrongUse, naming the account and the position, and never an address."""
    try:
        mode, text = path.stat().st_mode, path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"the file of addresses {path} cannot be read: {type(error).__name__}; {SHAPE}") from None
    if mode & 0o077:
        raise WrongUse(f"the file of addresses {path} may be read by others: chmod 600 {path}")
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        raise WrongUse(f"the file of addresses {path} is no YAML: {SHAPE}") from None
    if not isinstance(read, dict) or not read:
        raise WrongUse(f"the file of addresses {path} names no account: {SHAPE}")
    return {str(account): _checked(str(account), listed, accounts) for account, listed in read.items()}


def _checked(account: str, listed: object, accounts: Collection[str]) -> tuple[str, ...]:
    if "://" in account:
        raise WrongUse(f"the file of addresses has an address in the place of an account: {SHAPE}")
    if account not in accounts:
        near = difflib.get_close_matches(account, accounts, n=1)
        meant = f"did you mean {near[0]}?" if near else "`starter.py accounts` lists them"
        raise WrongUse(f"the file of addresses names account {account!r}, and the ledger has no such account: {meant}")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, str) for each in listed):
        raise WrongUse(f"the addresses of account {account} are no list of texts: {SHAPE}")
    from apprise import Apprise

    for position, address in enumerate(listed, start=1):
        if not Apprise().add(address):
            raise WrongUse(f"address {position} of account {account} is none that Apprise knows: see its documentation")
    return tuple(listed)


def send(addresses: Sequence[str], title: str, text: str) -> int:
    """Send one message to every address; return to how many it did not go."""
    from apprise import Apprise, NotifyFormat

    unsent = 0
    for address in addresses:  # one by one, because Apprise says of a group only whether all of it worked
        service = Apprise()
        service.add(address)
        unsent += not service.notify(title=title, body=text, body_format=NotifyFormat.TEXT)
    return unsent
