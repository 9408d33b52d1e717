"""The verbs `start` and `validate`, and start_training for callers in Python."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gaelp.configuration.loading import profile
from tests.support.command_line import Finished


def test_what_is_not_installed_is_reported_with_every_other_error(in_process: Callable[..., Finished]) -> None:
    """A wrong value hides neither an agent nor an environment that nobody has, and each says where it came from."""
    wrong = ["agent=linear-thomson", "seed=x", "environment=gaelp/AdMarket-v9"]
    ran = in_process("validate", "--config", "quick-test", *(word for each in wrong for word in ("--set", each)))
    assert ran.returncode == 2 and "3 errors in the configuration" in ran.stderr
    assert all(f"(--set {each})" in ran.stderr for each in wrong)
    assert "did you mean 'linear-thompson'?" in ran.stderr and "did you mean 'gaelp/AdMarket-v0'?" in ran.stderr


def test_start_training_is_exported() -> None:
    """`from starter import start_training` works, and an agent that is no name is refused in a sentence."""
    import asyncio

    from gaelp.commands.console import Refused
    from starter import start_training

    with pytest.raises(Refused, match="name of an entry point"):
        asyncio.run(start_training("quick-test", agent=object()))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="is not a valid name"):
        asyncio.run(start_training(profile("quick-test"), agent="uniform", name="A"))


def test_a_setting_without_effect_is_noted_and_valid(in_process: Callable[..., Finished]) -> None:
    """`validate` says that nothing reads a setting yet, for people and for programs, and ends with 0."""
    words = ("validate", "--set", "limits.alerts=[0.5]")
    for_people, for_programs = in_process(*words), in_process(*words, "--json")
    assert (for_people.returncode, for_programs.returncode) == (0, 0)
    (note,) = json.loads(for_programs.stdout)["notes"]
    assert note.startswith("limits.alerts is set and has no effect yet") and f"note: {note}" in for_people.stdout


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("graduated", 0), ("graduated-unproven", 0), ("interrupted", 1), ("not-graduated", 3), ("stopped", 3)],
)
def test_how_a_run_ended_is_its_exit_code(outcome: str, code: int) -> None:
    """Only a run that its agent or a person ended without graduating ends with 3."""
    from gaelp.commands.runs.start import exit_code
    from gaelp.messages.training_run import RunResult

    ended = {"run": "a", "reason": "", "checkpoint_digest": None, "phases": (), "spend_micros": 0}
    assert exit_code(RunResult.model_validate({**ended, "outcome": outcome})) == code


@pytest.mark.parametrize(
    ("account", "currency", "cap", "sentence"),
    [
        ("JPY", "JPY", 50, "live_test.daily_cap is 50 JPY, and a live test may cost 1,500 JPY to 7,500 JPY a day"),
        ("JPY", "JPY", 5000, ""),
        ("JPY", "USD", 50, ""),  # another currency than the account's is the run's own refusal
        ("EUR", "EUR", 50, "account acme is in EUR and has no rate to the dollar"),
    ],
)
def test_a_live_test_out_of_its_bounds_is_refused_before_its_name_is_taken(
    account: str, currency: str, cap: int, sentence: str
) -> None:
    """In a sentence with exit code 2, by the rate in the account's record."""
    from gaelp.commands import connections
    from gaelp.commands.console import WrongUse
    from gaelp.commands.runs import launching
    from gaelp.domain.ad_accounts import Account, AccountKind, DollarRate

    config = profile("quick-test")
    live = config.live_test.model_copy(update={"daily_cap": cap})
    config = config.model_copy(update={"currency": currency, "live_test": live})
    rate = DollarRate(units_per_dollar=150, day=connections.now().date(), source="a bank") if account == "JPY" else None
    owned = Account(
        account="acme", kind=AccountKind.EMULATOR, platform="emulator", currency=account, dollar_rate=rate,
        daily_cap_micros=1, total_cap_micros=1,
    )  # fmt: skip
    if not sentence:
        launching._check_daily_cap(config, owned)
        return
    with pytest.raises(WrongUse, match=sentence) as refused:
        launching._check_daily_cap(config, owned)
    assert refused.value.exit_code == 2
