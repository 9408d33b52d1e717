"""No verb shows a password that an address of its environment or of its words holds, with --json or without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.command_line import Finished, shows_no_traceback

SECRET = "hu5h"
VERBS = (
    "validate", "start", "status a", "list", "watch a", "approve a", "reject a --yes", "pause a", "stop a",
    "stop --all", "cancel a", "accounts",
    "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 "
    "--world-from log", "keys list --account shop", "reconcile --account shop", "resolve a", "attempts", "report a",
    "ingest starter.py --kind bandit --name x", "checkpoints a",
)  # fmt: skip
BROKEN = {
    "GAELP_LEDGER_URL": f"postgresql://ada:{SECRET}@h:notaport/db",
    "GAELP_TEMPORAL_ADDRESS": f"ada:{SECRET}@127.0.0.1:1",
    "GAELP_TEMPORAL_UI": f"http://ada:{SECRET}@127.0.0.1:1",
    "GAELP_REDIS_URL": f"redis://ada:{SECRET}@127.0.0.1:notaport",
    "GAELP_EMULATOR_URL": f"http://ada:{SECRET}@127.0.0.1:1",
    "GAELP_WAREHOUSE_URL": f"postgresql://ada:{SECRET}@127.0.0.1/db",
    "GAELP_STORE_URL": f"nowhere://ada:{SECRET}@h/store?token={SECRET}",
    "GAELP_LLM_URL": f"http://ada:{SECRET}@127.0.0.1:1",
    "GAELP_REMOTE__URL": f"http://ada:{SECRET}@127.0.0.1:1",
}


@pytest.mark.parametrize("variable", ["", *BROKEN])
def test_no_verb_shows_a_password(
    in_process: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """With one broken address, or with all of them, every verb ends with a sentence or an answer, and masks it."""
    for name, address in BROKEN.items():
        if variable in ("", name):
            monkeypatch.setenv(name, address)
    for words in VERBS:
        for ran in (in_process(*words.split()), in_process(*words.split(), "--json")):
            shows_no_traceback(ran)
            assert SECRET not in ran.stdout + ran.stderr, f"{words}: {ran.stdout}{ran.stderr}"


def test_a_setting_that_is_refused_shows_no_password(in_process: Callable[..., Finished]) -> None:
    """Neither the value, nor the words that gave it, nor a file's name, nor a log's address."""
    for words in (
        ("validate", "--set", f"remote.url=http://ada:{SECRET}@h"),
        ("validate", "--set", f"nothing.url=http://ada:{SECRET}@h"),
        ("validate", "--config", f"http://ada:{SECRET}@h/x.yaml"),
        ("ingest", f"ftp://ada:{SECRET}@127.0.0.1:1/x.csv", "--kind", "bandit", "--name", "x"),
        ("ingest", f"nowhere://ada:{SECRET}@h/x.csv", "--kind", "bandit", "--name", "x"),
        ("approve", "a", "--key", f"http://ada:{SECRET}@h"),
    ):
        ran = in_process(*words, "--json")
        shows_no_traceback(ran)
        assert ran.returncode != 0 and SECRET not in ran.stdout + ran.stderr, f"{words}: {ran.stdout}{ran.stderr}"
        assert "***" in ran.stdout or words[0] == "approve"


@pytest.mark.parametrize("url", [f"postgresql://ada:{SECRET}@h:notaport/db", "nonsense", "mysql://h/db"])
def test_a_broken_address_of_the_ledger_is_one_sentence(
    in_process: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Exit code 2, the variable and the right form, for every verb that needs the ledger, validate included."""
    monkeypatch.setenv("GAELP_LEDGER_URL", url)
    for words in ("accounts", "approve a", "keys list --account shop", "validate", "attempts"):
        ran = in_process(*words.split())
        shows_no_traceback(ran)
        assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1), ran.stderr
        assert "write GAELP_LEDGER_URL as sqlite:///FILE or postgresql://HOST/DATABASE" in ran.stderr
