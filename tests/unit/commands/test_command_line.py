"""The command line as people and scripts meet it: real processes, exit codes, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError, ChildWorkflowError

from gaelp.commands.dispatch import main
from gaelp.commands.parser import VERBS, parse
from gaelp.commands.watching.snapshot import failure
from gaelp.configuration.loading import digest, profile
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.ledger.ledger import Ledger

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 5, tzinfo=UTC)
Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which no service is there: port 1 is closed."""
    return {
        "GAELP_HOME": str(tmp_path / "home"),
        "GAELP_TEMPORAL_ADDRESS": "127.0.0.1:1",
        "GAELP_REDIS_URL": "redis://:hush@127.0.0.1:1/0",
        "GAELP_EMULATOR_URL": "http://127.0.0.1:1",
    }


@pytest.fixture
def starter(nowhere: Mapping[str, str], tmp_path: Path) -> Callable[..., Ran]:
    """Run starter.py as a process of its own, somewhere else than in the repository."""

    def run(*words: str, **more: str) -> Ran:
        return subprocess.run(
            [sys.executable, str(ROOT / "starter.py"), *words],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, stdin=subprocess.DEVNULL,
            env={**os.environ, **nowhere, **more},
        )  # fmt: skip

    return run


@pytest.fixture
def here(nowhere: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., Ran]:
    """The same in this process, where a claim is not about the process."""
    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Ran:
        code = main(list(words))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return run


def _ledger(tmp_path: Path) -> Ledger:
    (tmp_path / "home").mkdir(exist_ok=True)
    ledger = Ledger.open(f"sqlite:///{tmp_path}/home/ledger.db")
    account = Account(
        account="shop", kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
        daily_cap_micros=500_000_000, total_cap_micros=20_000_000_000,
    )  # fmt: skip
    ledger.put_account(account)
    return ledger


def _open_request(ledger: Ledger, number: int = 1) -> ApprovalRequest:
    request = ApprovalRequest(
        request_id=f"a/live-test#{number}", nonce=f"{number}" * 64, account="shop", run="a", phase=Phase.LIVE_TEST,
        purpose="spend", currency="USD", daily_cap_micros=50_000_000, total_cap_micros=2_100_000_000,
        agent="linear-thompson", checkpoint_digest="c" * 64, config_digest="d" * 64, evidence_digest="e" * 64,
        exposure_digest="f" * 64, fence=0, expires_at=NOW + timedelta(days=3),
    )  # fmt: skip
    ledger.open_request(request, "### what it may cost", NOW)
    return request


def _plain(ran: Ran) -> None:
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "unexpected" not in ran.stdout + ran.stderr


# ---------------------------------------------------------------- the process


def test_help_imports_nothing_heavy() -> None:
    """--help is there at once: neither Temporal, numpy, pydantic, SQLAlchemy nor rich is imported for it."""
    code = (
        "import sys, starter\n"
        "assert starter.main(['--help']) == 0\n"
        "heavy = {'temporalio', 'numpy', 'pydantic', 'sqlalchemy', 'rich', 'duckdb', 'pyarrow', 'redis'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert all(verb in ran.stdout for verb in VERBS)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("strat", 2, "did you mean start?"),
        ("fly", 2, "use one of start, validate"),
        ("--config nope.yaml", 2, "there is no profile or file"),
        ("validate --set live_test.daily_cap=5 --set seed=x", 2, "2 errors in the configuration"),
        ("--config quick-test --bogus", 2, "--bogus"),
        ("start --experiment-name ../x", 2, "'../x' is not a valid name"),
        ("start", 1, "Temporal does not answer at 127.0.0.1:1: start it with `make dev`"),
        ("approve a", 1, "nothing of run 'a' waits for approval"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    starter: Callable[..., Ran], words: str, code: int, says: str
) -> None:
    """Whatever is wrong, a process ends within seconds with its code and a sentence, and never a traceback."""
    began = time.monotonic()
    ran = starter(*words.split())
    _plain(ran)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert says in ran.stderr
    assert time.monotonic() - began < 10


def test_json_is_one_document_and_nothing_else(starter: Callable[..., Ran]) -> None:
    """With --json, before or after the verb, stdout is one JSON document, of errors too."""
    good = starter("--json", "validate", "--config", "development")
    assert json.loads(good.stdout)["config_digest"] == digest(profile("development"))
    assert json.loads(good.stdout)["notes"] == []
    bad = starter("validate", "--set", "sed=1", "--json")
    document = json.loads(bad.stdout)
    assert (bad.returncode, document["exit_code"]) == (2, 2)
    assert [(each["path"], each["source"]) for each in document["errors"]] == [("sed", "--set sed=1")]
    assert "did you mean seed?" in document["error"]


def test_a_setting_without_effect_is_noted_and_valid(starter: Callable[..., Ran]) -> None:
    """`validate` says that nothing reads a setting yet, for people and for programs, and ends with 0."""
    words = ("validate", "--set", "limits.alerts=[0.5]")
    for_people, for_programs = starter(*words), starter(*words, "--json")
    assert (for_people.returncode, for_programs.returncode) == (0, 0)
    (note,) = json.loads(for_programs.stdout)["notes"]
    assert note.startswith("limits.alerts is set and has no effect yet") and f"note: {note}" in for_people.stdout


def test_a_closed_pipe_is_no_error(nowhere: Mapping[str, str]) -> None:
    """`starter.py agents | head -0` ends without a traceback."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "starter.py"), "validate", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **nowhere},
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) in (0, 141)
    assert "Traceback" not in said


# ---------------------------------------------------------------- grammar


def test_the_older_form_is_start_or_validate(here: Callable[..., Ran]) -> None:
    """Without a verb, --config and --experiment-name mean start, and --validate-config means validate."""
    older = ["--config", "staging", "--experiment-name", "x"]
    assert parse(older) == parse(["start", *older])
    assert parse([*older, "--wait"]).wait is True
    assert parse(["--experiment-name=x"]) == parse(["start", "--experiment-name", "x"])
    for words in (["--config", "staging", "--validate-config"], ["--validate-config", "--config", "staging"]):
        assert here(*words, "--json").stdout == here("validate", "--config", "staging", "--json").stdout
    assert here("--config", "quick-test", "--validate-config", "--experiment-name", "A B").returncode == 2


def test_nothing_to_do_is_wrong_usage(here: Callable[..., Ran]) -> None:
    """Without any word the usage is shown, on stderr, with exit code 2."""
    ran = here()
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "VERB" in ran.stderr


@pytest.mark.parametrize("verb", "status watch approve reject pause resume cancel stop report checkpoints".split())
@pytest.mark.parametrize("name", ["../x", " ", "Upper", "a/live-test", "", "x" * 64, "a\n", "é"])
def test_a_bad_run_name_is_refused_before_anything_is_asked(here: Callable[..., Ran], verb: str, name: str) -> None:
    """Names are checked before they become ids, paths or SQL: exit 2, with the rule."""
    ran = here(verb, name)
    _plain(ran)
    assert ran.returncode == 2
    assert "is not a valid name: use 1 to 63 characters" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        "accounts add Shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap -1 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1e99 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap nan --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1.001 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --currency usd",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --timezone Mars/X",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --timezone ../x",
        "accounts add shop --kind real --platform emulator --daily-cap 1 --total-cap 1",
        "accounts add shop --kind real --platform meta --daily-cap 1 --total-cap 1 --world-from x",
        "ingest nofile.csv --kind bandit --name x",
        "ingest starter.py --kind bandit --name ../x",
        "ingest starter.py --kind other --name x",
        "list --limit 0",
        "stop",
        "stop a --all",
        "keys",
        "start --from-phase historical",
        "start --from-checkpoint x",
        "start --from-phase live",
        "start --agent linear-thomson",
        "start --set incumbent=nobody",
    ],
)
def test_wrong_usage_is_exit_code_2(here: Callable[..., Ran], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong arguments are refused before any service is asked."""
    monkeypatch.chdir(ROOT)
    ran = here(*words.split(), "--json")
    _plain(ran)
    assert ran.returncode == json.loads(ran.stdout)["exit_code"] == 2


def test_what_is_not_installed_is_told_with_every_other_error(here: Callable[..., Ran]) -> None:
    """A wrong value hides neither an agent nor an environment that nobody has, and each says where it came from."""
    wrong = ["agent=linear-thomson", "seed=x", "environment=gaelp/AdMarket-v9"]
    ran = here("validate", "--config", "quick-test", *(word for each in wrong for word in ("--set", each)))
    assert ran.returncode == 2 and "3 errors in the configuration" in ran.stderr
    assert all(f"(--set {each})" in ran.stderr for each in wrong)
    assert "did you mean 'linear-thompson'?" in ran.stderr and "did you mean 'gaelp/AdMarket-v0'?" in ran.stderr


def test_a_failed_workflow_says_what_we_said() -> None:
    """The reason is our own sentence where there is one, and not the foreign error below it."""
    foreign = ApplicationError("'clicks'", type="KeyError")
    ours = ApplicationError("agent 'odd': learn raised KeyError: 'clicks' (odd.py:3)", type="AgentFailed")
    ours.__cause__ = foreign
    outer = ChildWorkflowError(
        "child", namespace="n", workflow_id="w", run_id="r", workflow_type="t", initiated_event_id=1,
        started_event_id=2, retry_state=None,
    )  # fmt: skip
    outer.__cause__ = ours
    assert failure(outer) == "agent 'odd': learn raised KeyError: 'clicks' (odd.py:3)"
    bare = RuntimeError("outer")
    bare.__cause__ = ValueError("inner")
    assert failure(bare) == "inner"


def test_wrong_settings_are_named(here: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown GAELP_ variable stops a start; a bad log level is named."""
    monkeypatch.setenv("GAELP_SEEED", "7")
    ran = here("start")
    assert ran.returncode == 2
    assert "did you mean GAELP_SEED?" in ran.stderr


# ---------------------------------------------------------------- services that are not there


@pytest.mark.parametrize("words", ["start", "list", "status a", "watch a", "pause a", "resume a", "cancel a"])
def test_missing_temporal_is_one_sentence(here: Callable[..., Ran], words: str) -> None:
    """It names the service, its address and how to start it, and burns no run name."""
    began = time.monotonic()
    ran = here(*words.split())
    _plain(ran)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Temporal does not answer at 127.0.0.1:1: start it with `make dev`" in ran.stderr
    assert time.monotonic() - began < 10


def test_missing_emulator_and_logs_leave_no_account(here: Callable[..., Ran], tmp_path: Path) -> None:
    """An account whose world cannot be made is not entered."""
    words = "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --world-from log"
    ran = here(*words.split())
    _plain(ran)
    assert ran.returncode == 1
    assert "the platform emulator does not answer at http://127.0.0.1:1" in ran.stderr
    assert json.loads(here("accounts", "--json").stdout) == {"accounts": []}


def test_missing_redis_shows_no_password(nowhere: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence about Redis names its address without the password in its URL."""
    from gaelp.commands.connections import reach_redis, read_settings
    from gaelp.commands.console import Refused

    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=r"Redis does not answer at redis://127\.0\.0\.1:1/0") as caught:
        reach_redis(read_settings())
    assert "hush" not in str(caught.value)


def test_a_ledger_that_cannot_be_read_is_one_sentence(here: Callable[..., Ran], tmp_path: Path) -> None:
    """A broken ledger file stops every verb that needs it, with exit code 1."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ledger.db").write_bytes(b"not a database at all" * 100)
    for words in ("accounts", "approve a", "stop a", "keys list --account shop"):
        ran = here(*words.split())
        _plain(ran)
        assert ran.returncode == 1
        assert "ledger" in ran.stderr


# ---------------------------------------------------------------- accounts, keys, approvals


def test_accounts_and_keys_say_what_they_hold(here: Callable[..., Ran], tmp_path: Path) -> None:
    """An owner enters an account and an approver, reads them back, and takes the right away."""
    words = "accounts add shop --kind emulator --platform emulator --daily-cap 400 --total-cap 20000.50 --json"
    account = json.loads(here(*words.split()).stdout)["accounts"][0]
    assert (account["daily_cap_micros"], account["total_cap_micros"]) == (400_000_000, 20_000_500_000)
    key = tmp_path / "ann.pem"
    made = json.loads(here("keys", "new", "ann", "--out", str(key), "--json").stdout)
    assert key.stat().st_mode & 0o777 == 0o600
    assert here("keys", "new", "ann", "--out", str(key)).returncode == 1  # never overwritten
    add = ["keys", "add", "--account", "shop", "--public", made["public_key"], "--name", "Ann", "--limit", "5000"]
    assert here(*add).returncode == 0
    listed = json.loads(here("keys", "list", "--account", "shop", "--json").stdout)["approvers"]
    assert [(each["name"], each["key_id"], each["limit_micros"]) for each in listed] == [
        ("Ann", made["key_id"], 5_000_000_000)
    ]
    assert here("keys", "remove", "--account", "shop", made["key_id"]).returncode == 0
    assert here("keys", "remove", "--account", "shop", made["key_id"]).returncode == 1
    assert "nobody may approve" in here("keys", "list", "--account", "shop").stdout


def test_keys_that_are_none_are_refused(here: Callable[..., Ran], tmp_path: Path) -> None:
    """A public key that is no key, and a key on an account that is not there, are sentences with exit code 1."""
    _ledger(tmp_path)
    for words in (
        "keys add --account shop --public zzz --name x --limit 1",
        "keys add --account none --public AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= --name x --limit 1",
        "keys list --account none",
    ):
        ran = here(*words.split())
        _plain(ran)
        assert ran.returncode == 1


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_print_gives_a_decision_that_the_ledger_accepts(
    starter: Callable[..., Ran], here: Callable[..., Ran], tmp_path: Path, decision: str
) -> None:
    """--print puts exactly the signal's JSON on stdout, shows the card beside it, and the ledger accepts it."""
    ledger = _ledger(tmp_path)
    request = _open_request(ledger)
    key = tmp_path / "home" / "keys" / "ann.pem"
    made = json.loads(here("keys", "new", "ann", "--out", str(key), "--json").stdout)
    approver = Approver(
        account="shop", key_id=made["key_id"], name="Ann", public_key=made["public_key"], limit_micros=5_000_000_000
    )
    ledger.put_approver(approver)
    ran = starter(decision, "a", "--print", "--reason", "as agreed")
    assert ran.returncode == 0, ran.stderr
    assert "### what it may cost" in ran.stderr
    assert f"--workflow-id a/live-test --name {decision}" in ran.stderr
    payload = json.loads(ran.stdout)
    assert payload["request_digest"] == request_digest(request)
    outcome = ledger.decide(request.request_id, "by-hand", payload, NOW)
    assert (outcome.accepted, outcome.decision, outcome.approver) == (True, decision, "Ann"), outcome.reason
    after = here(decision, "a", "--print")
    assert after.returncode == 1
    assert "nothing of run 'a' waits for approval" in after.stderr


def test_a_decision_needs_one_key_and_a_temporal(here: Callable[..., Ran], tmp_path: Path) -> None:
    """Without a key, with several, or without Temporal nothing is sent, and the sentence says what to do."""
    request = _open_request(_ledger(tmp_path))
    assert "keys new NAME --out FILE" in here("approve", "a", "--yes").stderr
    keys = tmp_path / "home" / "keys"
    here("keys", "new", "ann", "--out", str(keys / "ann.pem"))
    assert "Temporal does not answer" in here("approve", "a", "--yes").stderr
    here("keys", "new", "bob", "--out", str(keys / "bob.pem"))
    several = here("approve", "a", "--request", request.request_id)
    assert (several.returncode, "name one with --key" in several.stderr) == (1, True)
    assert "is not open; open: a/live-test#1" in here("approve", "a", "--request", "a/live-test#9").stderr
    (keys / "ann.pem").chmod(0o644)
    assert "chmod 600" in here("approve", "a", "--key", str(keys / "ann.pem")).stderr


def test_a_stop_that_cannot_read_back_is_no_stop(here: Callable[..., Ran], tmp_path: Path) -> None:
    """Without the emulator a stop raises the fence, says NOT STOPPED, and exits 1; without the ledger it says so."""
    ledger = _ledger(tmp_path)
    ran = here("stop", "--account", "shop")
    _plain(ran)
    assert ran.returncode == 1
    assert "NOT STOPPED" in ran.stdout
    assert ledger.fence("shop") == 1
    assert "there is no run 'a' in the ledger" in here("stop", "a").stderr
    assert "not in the ledger" in here("stop", "--account", "nobody").stderr


def test_the_journal_ends_where_it_ends(tmp_path: Path) -> None:
    """last_sequence finds the newest entry, of an empty journal and of a long one."""
    from gaelp.commands.people.decide import last_sequence

    empty = Ledger.open(f"sqlite:///{tmp_path}/empty.db")
    assert last_sequence(empty) == 0
    ledger = _ledger(tmp_path)
    for number in range(1, 12):
        ledger.raise_fence("shop", "test", "test", NOW)
        assert last_sequence(ledger) == ledger.journal()[-1].sequence == number + 1


def test_start_training_is_exported() -> None:
    """`from starter import start_training` works, and an agent that is no name is refused in a sentence."""
    import asyncio

    from gaelp.commands.console import Refused
    from starter import start_training

    with pytest.raises(Refused, match="name of an entry point"):
        asyncio.run(start_training("quick-test", agent=object()))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="is not a valid name"):
        asyncio.run(start_training(profile("quick-test"), agent="uniform", name="A"))
