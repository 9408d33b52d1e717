"""The verbs `accounts` and `keys`: an owner sets accounts, approvers and their limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import Finished, ledger_in, shows_no_traceback


def test_missing_emulator_and_logs_leave_no_account(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """An account whose world cannot be made is not entered."""
    words = "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --world-from log"
    ran = in_process(*words.split())
    shows_no_traceback(ran)
    assert ran.returncode == 1
    assert "the platform emulator does not answer at http://127.0.0.1:1" in ran.stderr
    assert json.loads(in_process("accounts", "--json").stdout) == {"accounts": []}


def test_an_owner_enters_and_removes_an_approver(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """An owner enters an account and an approver, reads them back, and takes the right away."""
    words = "accounts add shop --kind emulator --platform emulator --daily-cap 400 --total-cap 20000.50 --json"
    account = json.loads(in_process(*words.split()).stdout)["accounts"][0]
    assert (account["daily_cap_micros"], account["total_cap_micros"]) == (400_000_000, 20_000_500_000)
    key = tmp_path / "ann.pem"
    made = json.loads(in_process("keys", "new", "ann", "--out", str(key), "--json").stdout)
    assert key.stat().st_mode & 0o777 == 0o600
    assert in_process("keys", "new", "ann", "--out", str(key)).returncode == 1  # never overwritten
    add = ["keys", "add", "--account", "shop", "--public", made["public_key"], "--name", "Ann", "--limit", "5000"]
    assert in_process(*add).returncode == 0
    listed = json.loads(in_process("keys", "list", "--account", "shop", "--json").stdout)["approvers"]
    assert [(each["name"], each["key_id"], each["limit_micros"]) for each in listed] == [
        ("Ann", made["key_id"], 5_000_000_000)
    ]
    assert in_process("keys", "remove", "--account", "shop", made["key_id"]).returncode == 0
    assert in_process("keys", "remove", "--account", "shop", made["key_id"]).returncode == 1
    assert "nobody may approve" in in_process("keys", "list", "--account", "shop").stdout


def test_keys_that_are_none_are_refused(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A public key that is no key, and a key on an account that is not there, are sentences with exit code 1."""
    ledger_in(tmp_path)
    for words in (
        "keys add --account shop --public zzz --name x --limit 1",
        "keys add --account none --public AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= --name x --limit 1",
        "keys list --account none",
    ):
        ran = in_process(*words.split())
        shows_no_traceback(ran)
        assert ran.returncode == 1
