"""The verb `notify`, against a ledger of its own and a real HTTP receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gaelp.commands.people import notify
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from tests.support.command_line import NOW, Finished, ledger_in, open_request, shows_no_traceback
from tests.support.webhooks import Receiver, receiving

InProcess = Callable[..., Finished]
SECRET = "hush-token"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as received:
        yield received


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = ledger_in(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def addresses(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "addresses.yaml"
    path.write_text(f"shop: ['json://user:{SECRET}@127.0.0.1:{receiver.port}/']\n")
    path.chmod(0o600)
    monkeypatch.setenv("GAELP_NOTIFICATIONS", str(path))
    return path


def test_what_waits_for_a_person_is_sent_once(
    in_process: InProcess, ledger: Ledger, addresses: Path, receiver: Receiver
) -> None:
    """What was there before the first look is not told; a request is, once, with the command that answers it."""
    assert in_process("notify", "--once").returncode == 0
    assert receiver.bodies == []
    open_request(ledger)
    for _ in range(2):
        shows_no_traceback(in_process("notify", "--once"))
    (body,) = receiver.bodies
    assert body["title"] == "GAELP, shop: 1 × waits for you"
    assert "starter.py approve a" in body["message"] and "2100.00 USD" in body["message"].replace(",", "")


def test_a_message_that_was_not_taken_is_sent_again(
    in_process: InProcess, ledger: Ledger, addresses: Path, receiver: Receiver
) -> None:
    """A receiver that refuses loses nothing, and neither output nor file holds the address."""
    in_process("notify", "--once")
    ledger.raise_fence("shop", "drill", "Ada", NOW)
    receiver.code = 500
    refused = in_process("notify", "--once")
    assert "not sent" in refused.stderr and SECRET not in refused.stdout + refused.stderr
    receiver.code = 200
    in_process("notify", "--once")
    (body,) = receiver.bodies
    assert "stopped by Ada: drill" in body["message"]


@pytest.mark.parametrize("text", ["", "garbage", "[1, 2]", '{"shop": "many"}', '{"shop": -1}', '{"shop": null}'])
def test_a_file_that_says_nothing_of_what_was_told_is_refused(
    in_process: InProcess, ledger: Ledger, addresses: Path, receiver: Receiver, text: str
) -> None:
    """Guessing would tell the whole past, or nobody of an alarm: one sentence names the file and the remedy."""
    in_process("notify", "--once")
    ledger.raise_fence("shop", "drill", "Ada", NOW)
    (kept,) = addresses.parent.rglob("notified.json")
    kept.write_text(text)
    refused = in_process("notify", "--once")
    shows_no_traceback(refused)
    assert refused.returncode == 1 and f"{kept} does not say what was told before" in refused.stderr
    assert receiver.bodies == [] and kept.read_text() == text


def test_a_ledger_that_is_away_ends_no_watch(
    ledger: Ledger, addresses: Path, receiver: Receiver, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens while nobody could look is told once the ledger is back; a single look says that it is away."""
    in_process("notify", "--once")
    ledger.raise_fence("shop", "drill", "Ada", NOW)
    looks, journal = iter(("away", "there", "end")), Ledger.journal

    class Pause:
        def wait(self, seconds: float) -> None:
            if next(looks) == "end":
                raise KeyboardInterrupt

    def away(self: Ledger, *arguments: Any, **named: Any) -> Any:
        if next(states) == "away":
            raise LedgerUnavailable("the ledger is away")
        return journal(self, *arguments, **named)

    monkeypatch.setattr(notify, "last_sequence", lambda _: 10_000)
    monkeypatch.setattr(notify.threading, "Event", Pause)
    monkeypatch.setattr(Ledger, "journal", away)
    states = iter(("away",))
    refused = in_process("notify", "--once")
    assert refused.returncode == 1 and "the ledger is away" in refused.stderr and receiver.bodies == []
    states = iter(("away", *("there",) * 20))
    watched = in_process("notify")
    assert "it looks again in 5 s: the ledger is away" in watched.stderr
    (body,) = receiver.bodies
    assert "stopped by Ada: drill" in body["message"]


def test_another_account_is_not_told(
    in_process: InProcess, ledger: Ledger, addresses: Path, receiver: Receiver
) -> None:
    """Messages of one account never reach the people of another."""
    other = ledger.account("shop").model_copy(update={"account": "bakery"})
    ledger.put_account(other)
    in_process("notify", "--once")
    ledger.raise_fence("bakery", "drill", "Ada", NOW)
    in_process("notify", "--once")
    assert receiver.bodies == []


def test_the_test_message_says_where_it_did_not_arrive(
    in_process: InProcess, ledger: Ledger, addresses: Path, receiver: Receiver
) -> None:
    """`--test` ends with 0 where everybody was reached, and with 1 and the account where not."""
    assert in_process("notify", "--test").returncode == 0
    assert "test" in receiver.bodies[0]["title"]
    receiver.code = 403
    failed = in_process("notify", "--test")
    assert (failed.returncode, "1 of 1 of shop" in failed.stderr) == (1, True)
    assert SECRET not in failed.stdout + failed.stderr


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("shopp: ['json://127.0.0.1:1/']", 0o600, "did you mean shop?"),
        ("shop: 'json://127.0.0.1:1/'", 0o600, "no list of texts"),
        ("shop: []", 0o600, "no list of texts"),
        (f"shop: ['nonsense://{SECRET}']", 0o600, "address 1 of account shop"),
        (f"slack://{SECRET}/b/c: [shop]", 0o600, "an address in the place of an account"),
        ("[", 0o600, "no YAML"),
        ("", 0o600, "names no account"),
        ("shop: ['json://127.0.0.1:1/']", 0o644, "chmod 600"),
    ],
)
def test_a_wrong_file_of_addresses_is_refused_by_its_place(
    in_process: InProcess, ledger: Ledger, addresses: Path, text: str, mode: int, said: str
) -> None:
    """One sentence names account, position and remedy, with exit code 2 and without the address."""
    addresses.write_text(text)
    addresses.chmod(mode)
    refused = in_process("notify", "--once")
    shows_no_traceback(refused)
    assert refused.returncode == 2 and said in refused.stderr and SECRET not in refused.stderr


def test_without_a_file_of_addresses_it_says_what_to_set(in_process: InProcess, ledger: Ledger) -> None:
    """The setting is named."""
    refused = in_process("notify")
    assert (refused.returncode, "GAELP_NOTIFICATIONS" in refused.stderr) == (2, True)
