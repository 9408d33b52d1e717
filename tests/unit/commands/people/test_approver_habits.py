"""What an account's owner is told of the people who approve on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gaelp.commands.people.approver_habits import Habit, habits_of
from gaelp.domain.spending.ledger_records import JournalEntry
from tests.support.command_line import NOW, Finished, ledger_in


def decided(kind: str, key: str, seconds: float | None = None, account: str = "shop") -> JournalEntry:
    """An entry as the ledger writes it."""
    looked = {} if seconds is None else {"looked_seconds": seconds}
    detail = json.dumps({"key_id": key, **looked})
    return JournalEntry(
        sequence=1, at=NOW, kind=kind, account=account, run="a", phase="live-test", campaign="", key="a/live-test#1",
        amount_micros=0, detail=detail,
    )  # fmt: skip


def test_habits_are_counted_by_key_and_account() -> None:
    """Shares of refusals and the median time looked; entries of other accounts and kinds count for nobody."""
    entries = [
        decided("approve", "a", 2.0), decided("approve", "a", 4.0), decided("reject", "a", 90.0),
        decided("approve", "a"), decided("reject", "b"), decided("approve", "a", 1.0, "other"),
        decided("refuse", "b", 1.0),
    ]  # fmt: skip
    habits = habits_of(entries, "shop")
    assert habits == {"a": Habit(4, 1, 4.0), "b": Habit(1, 1, None)}
    assert (habits["a"].refused_share, habits["a"].looked) == ("1 of 4", "4 s")
    assert (Habit().refused_share, habits["b"].looked) == ("-", "-")


def test_keys_list_shows_what_signs_and_how(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Whoever has decided nothing yet has a dash."""
    ledger_in(tmp_path)
    key = tmp_path / "home" / "keys" / "ann.pem"
    in_process("keys", "new", "ann", "--out", str(key))
    in_process("keys", "add", "--account", "shop", "--key", str(key), "--name", "Ann", "--limit", "10")
    listed = in_process("keys", "list", "--account", "shop", "--json")
    (approver,) = json.loads(listed.stdout)["approvers"]
    assert (approver["signs_with"], approver["refused"], approver["looked"]) == ("key file", "-", "-")
