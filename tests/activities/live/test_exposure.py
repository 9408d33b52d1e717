"""The verb `exposure` on the real emulator: the most that running campaigns may be billed, from reading alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaelp.commands.dispatch import main
from tests.support.campaign_fixture import CampaignFixture
from tests.support.local_runs import LocalRuns

Exposure = Callable[..., tuple[int, Any]]


@pytest.fixture
def exposure(
    fixture: CampaignFixture, local_runs: LocalRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Exposure:
    """Run the verb on the fixture's account; its exit code and its JSON."""
    number = fixture.account.removeprefix("account-")
    monkeypatch.setenv("GAELP_LEDGER_URL", f"sqlite:///{tmp_path}/ledger-{number}.db")
    monkeypatch.setenv("GAELP_EMULATOR_URL", local_runs.settings.emulator_url)
    monkeypatch.setenv("GAELP_EMULATOR_TOKEN", local_runs.settings.emulator_token)

    def run(*words: str) -> tuple[int, Any]:
        code = main(["exposure", "--account", fixture.account, *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_running_campaign_and_a_cap(fixture: CampaignFixture, exposure: Exposure) -> None:
    """Today may bill twice the budget, and a cap below that is exceeded today, at the worst and not as expected."""
    state = fixture.running()
    budget = state.daily_budget_micros
    code, document = exposure("--cap", f"{1.5 * budget / 1e6:.2f}/month")
    assert code == 0 and document["total"]["today"]["unedited_micros"] == 2 * budget
    assert document["campaigns"][0]["may_bill"] == document["total"]
    assert document["cap_exceeded"]["at_worst"] == document["today"] < document["cap_exceeded"]["as_expected"]


def test_nothing_runs_and_a_cap_without_a_period(fixture: CampaignFixture, exposure: Exposure) -> None:
    """An account without an enabled campaign answers so; a cap of which nobody knows the period is refused."""
    code, document = exposure()
    assert (code, document["campaigns"]) == (0, [])
    fixture.running()
    code, document = exposure("--cap", "2000")
    assert code == 2 and "2000/month" in document["error"]
