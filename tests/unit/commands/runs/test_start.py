"""The verbs `start` and `validate`, and start_training for callers in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaelp.agents.agent_entry_points import UnknownAgent
from gaelp.configuration.loading import ConfigurationErrors, profile
from gaelp.configuration.sources import LEAVES
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support import ledgers
from tests.support.command_line import Finished
from tests.support.made_logs import write_log

HARD = Path(__file__).resolve().parents[5] / "shared" / "data" / "hard_inputs"


def test_what_is_not_installed_is_reported_with_every_other_error(in_process: Callable[..., Finished]) -> None:
    """A wrong value hides neither an agent nor an environment that nobody has, and each says where it came from."""
    wrong = ["agent=linear-thomson", "seed=x", "environment=gaelp/AdMarket-v9"]
    ran = in_process("validate", "--config", "quick-test", *(word for each in wrong for word in ("--set", each)))
    assert ran.returncode == 2 and "3 errors in the configuration" in ran.stderr
    assert all(f"(--set {each})" in ran.stderr for each in wrong)
    assert "did you mean 'linear-thompson'?" in ran.stderr and "did you mean 'gaelp/AdMarket-v0'?" in ran.stderr


def test_start_training_is_exported() -> None:
    """`from starter import start_training` works, and what cannot be started is refused in a sentence."""
    import asyncio

    from gaelp.commands.console import Refused, WrongUse
    from gaelp.errors import GaelpError
    from starter import start_training

    wrong: list[tuple[tuple[object, ...], type[GaelpError], str]] = [
        (("quick-test", object()), UnknownAgent, "no entry point in the group gaelp.agents offers the class"),
        (("quick-test", None, ["a/A-v0", "b/B-v0"]), WrongUse, "2 environments were given: a run trains in one"),
        (("quick-test", None, object()), WrongUse, "was not made by its id alone"),
        (({"profile": "quick-test"},), WrongUse, "config must be a TrainingConfiguration"),
        ((profile("quick-test"), "uniform", "no/World-v0"), ConfigurationErrors, "no/World-v0"),
    ]
    for words, kind, sentence in wrong:
        with pytest.raises(kind, match=sentence):
            asyncio.run(start_training(*words))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="is not a valid name"):
        asyncio.run(start_training(profile("quick-test"), agent="uniform", name="A"))


def test_an_agent_and_an_environment_are_given_as_objects() -> None:
    """What counts is what workers would make: an object that is set otherwise is refused."""
    import gymnasium

    import gaelp.market.gym.registration  # noqa: F401 - registers the ids
    from gaelp.agents.policies.baselines import FixedBid
    from gaelp.commands.runs.from_python import ordered

    world = gymnasium.make("gaelp/AdMarketFirstPrice-v0")
    for config, given in (("quick-test", FixedBid()), (profile("quick-test"), "fixed-bid")):
        wanted = ordered(config, given, [world], "a", {})
        assert (wanted.config.agent, wanted.config.environment) == ("fixed-bid", "gaelp/AdMarketFirstPrice-v0")
        assert wanted.config.market.auction == "first-price"
    other = FixedBid()
    other.name = "linear-bid"
    with pytest.raises(UnknownAgent, match="as 'linear-bid'"):
        ordered("quick-test", other, None, "a", {})
    odd = FixedBid()
    odd.shade = 0.3
    with pytest.raises(UnknownAgent, match="has shade other than"):
        ordered("quick-test", odd, None, "a", {})


def test_a_setting_without_effect_is_noted_and_valid(in_process: Callable[..., Finished]) -> None:
    """`validate` says that nothing reads a setting yet, for people and for programs, and ends with 0."""
    words = ("validate", "--set", "safety.minimum_quality=0.6")
    for_people, for_programs = in_process(*words), in_process(*words, "--json")
    assert (for_people.returncode, for_programs.returncode) == (0, 0)
    (note,) = json.loads(for_programs.stdout)["notes"]
    assert (
        note.startswith("safety.minimum_quality is set and has no effect yet") and f"note: {note}" in for_people.stdout
    )


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("graduated", 0),
        ("graduated-unproven", 0),
        ("promoted", 0),
        ("interrupted", 1),
        ("not-graduated", 3),
        ("stopped", 3),
    ],
)
def test_how_a_run_ended_is_its_exit_code(outcome: str, code: int) -> None:
    """Only a run that its agent or a person ended without graduating ends with 3."""
    from gaelp.commands.watching.progress import code_of

    assert code_of(outcome) == code


def test_every_value_says_where_it_came_from(
    in_process: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`validate --json` names profile, file, environment, --set, the world or the default, for every setting."""
    file = tmp_path / "mine.yaml"
    file.write_text("profile: development\nsimulation:\n  rounds: 20\n  days: 3\n")
    monkeypatch.setenv("GAELP_SIMULATION__DAYS", "4")
    words = ["--config", str(file), "--agent", "uniform", "--set", "environment=gaelp/AdMarketDrift-v0"]
    ran = in_process("validate", *words, "--set", "market.season=0.1", "--json")
    origins = json.loads(ran.stdout)["origins"]
    shown = {path: (each["source"], each["place"]) for path, each in origins.items()}
    assert set(shown) == LEAVES
    assert shown["profile"] == ("file", f"{file}:1") and shown["simulation.rounds"] == ("file", f"{file}:3")
    assert shown["simulation.days"] == ("environment", "environment variable GAELP_SIMULATION__DAYS")
    assert shown["agent"] == ("--set", "--set agent=uniform")
    assert shown["market.season"] == ("--set", "--set market.season=0.1")
    assert shown["market.drift"] == ("world", "gaelp/AdMarketDrift-v0")
    assert shown["seed"] == shown["market.click_rate"] == ("default", "")
    source, place = shown["simulation.exam_looks"]
    assert source == "profile" and place.endswith("development.yaml:9")


def test_what_is_not_there_is_not_made_and_not_checked(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Where nothing was set up yet, `validate` says what it could not look at, and makes nothing."""
    document = json.loads(in_process("validate", "--json").stdout)
    assert [each.split(":")[0] for each in document["not_checked"]] == [
        "the account emulator", "the logs obd-random-all, obd-bts-all",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_syntax_only_asks_nobody_and_says_so(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """An agent that is not installed and an account that is not there pass; a wrong value is refused all the same."""
    words = ("validate", "--syntax-only", "--agent", "no-such-agent", "--set", "account=nowhere")
    ran = in_process(*words, "--json")
    document = json.loads(ran.stdout)
    assert ran.returncode == 0 and document["valid"] and "the account" in document["not_checked"][0]
    assert "not checked: " in in_process(*words).stdout
    refused = in_process(*words, "--set", "simulation.rounds=many")
    assert refused.returncode == 2 and "simulation.rounds" in refused.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["validate", "start"])
@pytest.mark.parametrize("profile_name", ["staging", "production"])
def test_the_strict_profiles_are_refused_before_any_service_is_asked(
    in_process: Callable[..., Finished], tmp_path: Path, verb: str, profile_name: str
) -> None:
    """No whole strict run can pass in this version: exit code 2, the criteria by number, and where the mode was set."""
    ran = in_process(verb, "--config", profile_name)
    assert ran.returncode == 2 and ran.stdout == ""
    assert "criterion 13 transfer effectiveness" in ran.stderr and "criterion 7 correlation" in ran.stderr
    assert f"{profile_name}.yaml:5)" in ran.stderr and list(tmp_path.iterdir()) == []


def test_a_strict_run_may_ask_for_the_phases_that_can_pass(in_process: Callable[..., Finished]) -> None:
    """--until bounds what is asked for, and the refusal of more names it."""
    later = ("validate", "--config", "production", "--from-phase", "live-test", "--from-checkpoint", "a" * 64)
    whole = in_process(*later)
    assert whole.returncode == 2 and "ask for what can pass with --until live-test" in whole.stderr
    assert "could never pass" not in in_process(*later, "--until", "live-test").stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--until live-test --from-phase scaled", "--until live-test comes before --from-phase scaled"),
        ("--until never", "invalid choice: 'never'"),
        ("--from-phase live-test", "name one with --from-checkpoint"),
    ],
)
def test_an_impossible_span_of_phases_is_wrong_usage(
    in_process: Callable[..., Finished], words: str, sentence: str
) -> None:
    """`validate` takes the words that `start` takes, and both refuse the same."""
    for verb in ("validate", "start"):
        ran = in_process(verb, *words.split())
        assert ran.returncode == 2 and sentence in ran.stderr


@pytest.fixture
def shop(tmp_path: Path) -> None:
    """A ledger with four accounts and a warehouse with two logs of different months."""
    (tmp_path / "home").mkdir()
    ledger = Ledger.open(f"sqlite:///{tmp_path}/home/ledger.db")
    emulator, real = AccountKind.EMULATOR, AccountKind.REAL
    for name, kind, platform, timezone in (
        ("here", emulator, "emulator", "UTC"), ("berlin", emulator, "emulator", "Europe/Berlin"),
        ("gads", real, "google-ads", "UTC"), ("meta", real, "meta", "America/New_York"),
    ):  # fmt: skip
        ledger.put_account(
            Account(
                account=name, kind=kind, platform=platform, currency="USD", timezone=timezone,
                daily_cap_micros=1, total_cap_micros=1,
            )
        )  # fmt: skip
    ledger.close()
    warehouse = open_warehouse(str(tmp_path / "home" / "warehouse"))
    for name, days in (("march", 0), ("april", 31), ("march-too", 0)):
        log = write_log(tmp_path / name, len(name), rows=400, later=timedelta(days=days))
        ingest(warehouse, LogSource(str(log), "bandit", name), datetime(2026, 11, 26, tzinfo=UTC))
    warehouse.close()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ("account=nobody historical.logs=[]", ["account: account 'nobody' is not in the ledger"]),
        ("account=berlin historical.logs=[]", ["entered as kind 'emulator' in time zone 'Europe/Berlin'"]),
        ("account=here currency=EUR historical.logs=[]", ["account here is in USD, the configuration in EUR"]),
        ("account=gads mode=strict clock.time_scale=1 historical.logs=[]",
         ["gads is real, where an agent must be judged on history first", "'gads' is on google-ads, which is not in",
          "5b historical match: non-inferiority, historical.logs is empty"]),
        ("account=meta historical.logs=[march]",
         ["'meta' is on meta, which is not in", "mode advisory is refused: account meta", "time_scale 0 is refused"]),
        ("account=here historical.logs=[march,april]", ["nothing to judge march on: no row of it is later than 2019"]),
        ("account=here historical.logs=[may]", ["there is no log 'may'; ingested logs: april, march, march-too"]),
    ],
)  # fmt: skip
def test_what_cannot_end_well_is_refused_with_what_the_ledger_and_the_logs_say(
    in_process: Callable[..., Finished], changes: str, sentences: list[str]
) -> None:
    """`validate` reads the account and the logs: exit code 2, one sentence each, with the place of the setting."""
    words = [word for change in changes.split() for word in ("--set", change)]
    ran = in_process("validate", *words)
    assert ran.returncode == 2, ran.stdout
    assert all(any(sentence in line for line in ran.stderr.splitlines()) for sentence in sentences), ran.stderr
    assert len(ran.stderr.splitlines()) == 1 + len(sentences), ran.stderr


@pytest.mark.skipif(not HARD.is_dir(), reason="../shared/data/hard_inputs is not here")
def test_two_months_of_one_year_are_refused_by_name(in_process: Callable[..., Finished]) -> None:
    """Made-up logs of March and April: no row of March is later than April's calibration, whatever the order."""
    for month in ("march", "april"):
        file = str(HARD / f"bandit-month-{month}.csv")
        assert in_process("ingest", file, "--kind", "bandit", "--name", f"bandit-month-{month}").returncode == 0
    for first, second in (("march", "april"), ("april", "march")):
        logs = f"historical.logs=[bandit-month-{first},bandit-month-{second}]"
        ran = in_process("validate", "--set", logs)
        assert ran.returncode == 2
        assert "judge bandit-month-march on: no row of it is later than 2026-04-14" in ran.stderr


@pytest.mark.usefixtures("shop")
def test_logs_of_the_same_time_are_not_refused(in_process: Callable[..., Finished]) -> None:
    """Two logs of one month, and one of the two months alone, leave rows to judge."""
    for logs in ("[march,march-too]", "[april]"):
        ran = in_process("validate", "--set", "account=here", "--set", f"historical.logs={logs}", "--json")
        assert ran.returncode == 0, ran.stdout
        (unread,) = json.loads(ran.stdout)["not_checked"]  # what is left is the emulator, which does not run
        assert unread.startswith("the world of account here")


def test_a_start_is_signed_for_the_ledger_that_it_is_registered_in(tmp_path: Path) -> None:
    """`start --sign-with` names that ledger, run, account, agent and configuration: another ledger refuses it."""
    from gaelp.commands.runs.launching import configured, order
    from gaelp.commands.runs.start import _key, _signed

    key, at = signatures.new_key(), datetime(2026, 11, 22, tzinfo=UTC)
    signatures.write_key(tmp_path / "ann.pem", key.pem)
    own, other = (Ledger.open(f"sqlite:///{tmp_path / name}") for name in ("own.db", "other.db"))
    wanted = order(configured("quick-test", ["account=acme"], "uniform"), "signed", {})
    signed = _signed(wanted, own, _key(str(tmp_path / "ann.pem")))
    assert signed is not None and _signed(wanted, own, _key(None)) is None
    for ledger in (own, other):
        ledger.put_account(ledgers.account())
        ledger.put_approver(ledgers.approver(key_id=key.key_id, public_key=key.public_key, name="Ann"))
    with pytest.raises(LedgerConflict, match="over this start in this ledger"):
        other.register_run("signed", "acme", at, signed)
    own.register_run("signed", "acme", at, signed)
    run = own.run("signed")
    assert run is not None and run.starter_of("acme", "uniform", wanted.config_digest) is not None
    own.close()
    other.close()
