"""What cannot end well is refused before anything is registered; what was asked for in part ends as promoted."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.phases import Outcome, Phase
from tests.support.local_runs import ACCOUNT, LOG, LocalRuns
from tests.support.undisturbed_run import run_result

UNTIL_HISTORY = ("--until", "historical")


@pytest.fixture(scope="module")
def accounts(local_runs: LocalRuns) -> None:
    """An account on a platform without an adapter, and one in a time zone that the emulator lacks."""
    with local_runs.ledger() as ledger:
        for name, kind, platform, timezone in (
            ("on-google", AccountKind.REAL, "google-ads", "UTC"),
            ("in-berlin", AccountKind.EMULATOR, "emulator", "Europe/Berlin"),
        ):
            ledger.put_account(
                Account(
                    account=name, kind=kind, platform=platform, currency="USD", timezone=timezone,
                    daily_cap_micros=1, total_cap_micros=1,
                )
            )  # fmt: skip


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("account=on-google", f"historical.logs=[{LOG}]"), "is on google-ads, which is not in this version yet"),
        (("account=in-berlin", f"historical.logs=[{LOG}]"), "its owner sets the kind to 'emulator' and the time zone"),
        (
            (f"account={ACCOUNT}", "historical.logs=[]", "market.creatives=5"),
            "so that its campaigns would be refused: use an account whose",
        ),
        ((f"account={ACCOUNT}", "historical.logs=[absent]"), "there is no log 'absent'"),
        (("account=absent", f"historical.logs=[{LOG}]"), "account 'absent' is not in the ledger"),
        ((f"account={ACCOUNT}", f"historical.logs=[{LOG}]", "mode=strict"), "is strict, and what the run asks for"),
    ],
)
async def test_nothing_is_started_and_nothing_used_up(
    local_runs: LocalRuns, client: Client, changes: tuple[str, ...], sentence: str
) -> None:
    """`validate` and `start` refuse alike with exit code 2: no name is taken, no attempt is counted, no run begins."""
    words = [word for change in changes for word in ("--set", change)]
    with local_runs.ledger() as ledger:
        before = (ledger.runs(), ledger.attempts())
    for verb in ("validate", "start"):
        refused = await asyncio.to_thread(local_runs.starter, verb, "--experiment-name", "never", *words)
        assert (refused.code, refused.out) == (2, ""), refused.output
        assert sentence in refused.err, refused.output
    with local_runs.ledger() as ledger:
        assert (ledger.runs(), ledger.attempts()) == before
    with pytest.raises(RPCError, match="not found"):
        await client.get_workflow_handle("never").describe()


def test_a_run_that_cannot_be_checked_is_not_started(local_runs: LocalRuns) -> None:
    """Where the platform does not answer, its world is not known: one sentence, exit code 1, and the name is free."""
    words = ("start", "--experiment-name", "never", "--set", f"historical.logs=[{LOG}]")
    refused = local_runs.starter(*words, environment={"GAELP_EMULATOR_URL": "http://127.0.0.1:1"})
    assert refused.code == 1 and "the run was not started, because this could not be checked" in refused.err
    with local_runs.ledger() as ledger:
        assert "never" not in {run.run for run in ledger.runs()}


def test_a_run_until_a_phase_ends_as_promoted(local_runs: LocalRuns) -> None:
    """It goes through the phases that were asked for and no further, exit code 0, and needs no platform for that."""
    arguments = ["--config", "quick-test", "--experiment-name", "half", *UNTIL_HISTORY, "--wait", "--json"]
    settings = [f"historical.logs=['{LOG}']", "simulation.rounds=4", "simulation.batches_per_round=1", "account=half"]
    words = [word for each in settings for word in ("--set", each)]
    account = local_runs.open_account("half")
    ended = local_runs.starter("start", *arguments, *words, environment={"GAELP_EMULATOR_URL": "http://127.0.0.1:1"})
    result = run_result(ended)
    assert (ended.code, result.outcome) == (0, Outcome.PROMOTED), ended.output
    assert [phase.phase for phase in result.phases] == [Phase.SIMULATION, Phase.HISTORICAL]
    assert "the run was to end with historical: not proven in" in result.reason
    assert local_runs.on_platform("half", account) == [] and result.spend_micros == 0
