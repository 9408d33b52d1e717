"""The verbs `accounts` and `keys`: an owner sets accounts, approvers and their limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import ledgers
from tests.support.command_line import Finished, ledger_in, shows_no_traceback


def test_missing_emulator_and_logs_leave_no_account(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """An account whose world cannot be made is not entered."""
    words = "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --world-from log"
    ran = in_process(*words.split())
    shows_no_traceback(ran)
    assert ran.returncode == 1
    assert "the platform emulator does not answer at http://127.0.0.1:1" in ran.stderr
    assert json.loads(in_process("accounts", "--json").stdout)["accounts"] == []


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
    for verb, found in (("accounts", "shop"), ("keys", "Ann"), ("attempts", "no attempt was made yet")):
        bare, named = in_process(verb), in_process(verb, "list")
        assert bare.returncode == 0 and found in bare.stdout and bare.stdout == named.stdout
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


ADD = "accounts add tokyo --kind emulator --platform emulator --currency JPY --daily-cap 50000 --total-cap 900000"
RATE = " --usd-rate 149.2 --usd-rate-date 2026-11-20 --usd-rate-source"


def test_an_owner_records_a_dated_rate_with_its_source(in_process: Callable[..., Finished]) -> None:
    """The rate is in the account's record and in the list, and entering the account without one takes it away."""
    entered = json.loads(in_process(*f"{ADD}{RATE}".split(), "Bank of Japan", "--json").stdout)["accounts"][0]
    assert entered["dollar_rate"] == {"units_per_dollar": "149.2", "day": "2026-11-20", "source": "Bank of Japan"}
    shown = in_process("accounts").stdout
    assert "50,000 JPY" in shown and "149.2 of 2026-11-20, Bank of Japan" in shown
    assert json.loads(in_process(*ADD.split(), "--json").stdout)["accounts"][0]["dollar_rate"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (f"{ADD} --usd-rate 149.2", "a rate needs --usd-rate, --usd-rate-date and --usd-rate-source, all three"),
        (f"{ADD}{RATE} x".replace("149.2", "0"), "--usd-rate '0' is not how many JPY a dollar is, as in 149.2"),
        (f"{ADD}{RATE} x".replace("149.2", "NaN"), "--usd-rate 'NaN' is not how many JPY a dollar is"),
        (f"{ADD}{RATE} x".replace("149.2", "1,5"), "--usd-rate '1,5' is not how many JPY a dollar is"),
        (f"{ADD}{RATE} x".replace("2026-11-20", "20.11.2026"), "--usd-rate-date '20.11.2026' is no day such as"),
        (f"{ADD}{RATE} x".replace("JPY", "USD"), "an account in USD needs no rate to the dollar"),
        (ADD.replace("50000", "50000.5"), "--daily-cap '50000.5' is not an amount such as 50, in steps of 1 JPY"),
        (ADD.replace("JPY", "ABC"), "'ABC' is no currency of ISO 4217 with a smallest unit"),
        (ADD.replace("JPY", "XAU"), "'XAU' is no currency of ISO 4217 with a smallest unit"),
    ],
)
def test_a_rate_or_an_amount_that_is_none_is_refused(
    in_process: Callable[..., Finished], words: str, sentence: str
) -> None:
    """One sentence that names the option, exit code 2, and no account is entered."""
    ran = in_process(*words.split())
    shows_no_traceback(ran)
    assert ran.returncode == 2 and sentence in ran.stderr
    assert json.loads(in_process("accounts", "--json").stdout)["accounts"] == []


def test_an_empty_source_of_a_rate_is_refused(in_process: Callable[..., Finished]) -> None:
    """A rate that nobody publishes is a guess."""
    ran = in_process(*f"{ADD}{RATE}".split(), " ")
    assert ran.returncode == 2 and "--usd-rate-source is empty" in ran.stderr


def test_an_amount_has_the_decimals_of_its_currency(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A dinar has three, and an approver's limit is in the account's currency."""
    words = "accounts add kuwait --kind emulator --platform emulator --currency KWD --daily-cap 15.125 --total-cap 900"
    entered = json.loads(in_process(*words.split(), "--json").stdout)["accounts"][0]
    assert entered["daily_cap_micros"] == 15_125_000
    made = json.loads(in_process("keys", "new", "ann", "--out", str(tmp_path / "ann.pem"), "--json").stdout)
    add = ["keys", "add", "--account", "kuwait", "--public", made["public_key"], "--name", "Ann", "--limit"]
    assert in_process(*add, "10.1234").returncode == 2
    assert "may approve up to 10.125 KWD" in in_process(*add, "10.125").stdout


def test_an_owner_sets_above_which_amount_two_people_are_needed(in_process: Callable[..., Finished]) -> None:
    """It is off at first, 0 asks two for every approval, and what is no amount is refused in a sentence.

    Who changes a cap without naming it keeps it; `off` takes it away.
    """
    add = "accounts add shop --kind emulator --platform emulator --daily-cap 400 --total-cap 2000".split()
    assert json.loads(in_process(*add, "--json").stdout)["accounts"][0]["four_eyes_above_micros"] is None
    for above, kept in (("250.50", 250_500_000), ("0", 0)):
        for option in (["--four-eyes-above", above], []):
            entered = json.loads(in_process(*add, *option, "--json").stdout)["accounts"][0]
            assert entered["four_eyes_above_micros"] == kept
    off = json.loads(in_process(*add, "--four-eyes-above", "off", "--json").stdout)["accounts"][0]
    assert off["four_eyes_above_micros"] is None
    for wrong in ("many", "-5", "1.234"):
        ran = in_process(*add, f"--four-eyes-above={wrong}")
        shows_no_traceback(ran)
        assert ran.returncode == 2 and f"--four-eyes-above '{wrong}' is not an amount" in ran.stderr


def test_the_list_says_which_ledger_it_is_and_what_one_person_has_approved_alone(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """`accounts list` and `keys list` name the ledger alike, and the amount for four eyes says how much is used."""
    ledger = ledger_in(tmp_path)
    ledger.put_account(ledgers.account(four_eyes_above_micros=500_000_000))
    ledger.put_approver(ledgers.approver())
    ledger.register_run("run-a", "acme", ledgers.NOW)
    ledgers.approve(ledger)
    listed = json.loads(in_process("accounts", "--json").stdout)
    (acme,) = (each for each in listed["accounts"] if each["account"] == "acme")
    assert acme["approved_alone_micros"] == 300_000_000
    assert listed["ledger"] == ledger.identity() == json.loads(in_process("keys", "--json").stdout)["ledger"]
    for verb in ("accounts", "keys"):
        assert f"ledger {ledger.identity()}" in in_process(verb).stdout
    ledger.close()


def test_an_owner_enters_what_the_platform_grants(in_process: Callable[..., Finished]) -> None:
    """A quota of calls is read back with the account; what is none is refused in a sentence with an example."""
    add = "accounts add shop --kind emulator --platform emulator --daily-cap 400 --total-cap 2000 --json --call-quota"
    account = json.loads(in_process(*add.split(), "15000/86400").stdout)["accounts"][0]
    assert account["call_quota"] == {"calls": 15_000, "seconds": 86_400}
    for wrong in ("15000", "5/60", "100/0", "many/60", "100/60/2"):
        ran = in_process(*add.split(), wrong)
        shows_no_traceback(ran)
        assert ran.returncode == 2
        assert f"--call-quota '{wrong}' is not CALLS/SECONDS as in 15000/86400" in ran.stdout
