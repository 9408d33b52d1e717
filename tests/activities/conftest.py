"""Activity tests: the real activities in an ActivityEnvironment, on the real emulator, Redis, ledger and store."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from activities.inputs import Inputs
from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from gaelp.commands.dispatch import main
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import BegunTerms
from gaelp.local_stack import LocalStack
from gaelp.market.calibration.calibrate import calibrate
from gaelp.platforms.emulator.client import EmulatorPlatform
from tests.support.campaign_fixture import RUN, START, UNIT, CampaignFixture, FaultyPlatform, approved, planned
from tests.support.local_runs import LocalRuns

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def local_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuns]:
    """Redis and the emulator as processes."""
    with LocalStack(tmp_path_factory.mktemp("local"), names=("redis", "emulator")) as stack:
        yield LocalRuns(stack)


@pytest.fixture(scope="session")
def inputs(local_runs: LocalRuns) -> Inputs:
    """One content store for the session: content cannot be harmed."""
    return Inputs(local_runs.store())


@pytest.fixture
def fixtures(local_runs: LocalRuns, inputs: Inputs, tmp_path: Path) -> Iterator[Callable[..., CampaignFixture]]:
    """Approved campaigns, each on an account and a ledger of its own; `changes` are the configuration's."""
    with ExitStack() as closing:

        def make(
            *changes: str, request: dict[str, Any] | None = None, limits: dict[str, Decimal] | None = None
        ) -> CampaignFixture:
            number = next(_numbers)
            account = Account(
                account=f"account-{number}", kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
                daily_cap_micros=1000 * UNIT, total_cap_micros=100_000 * UNIT,
            )  # fmt: skip
            ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger-{number}.db")
            closing.callback(ledger.close)
            ledger.put_account(account)
            ledger.put_approver(
                Approver(
                    account=account.account, key_id=local_runs.key.key_id, name="Ada",
                    public_key=local_runs.key.public_key, limit_micros=10**12, demo=True,
                )
            )  # fmt: skip
            ledger.register_run(RUN, account.account, START)
            config = local_runs.config("historical.logs=[]", *changes)
            # Loading would refuse limits below the caps; the ledger must refuse them too.
            config = config.model_copy(update={"limits": config.limits.model_copy(update=limits or {})})
            inputs.store.put_document(loading.canonical(config))
            market = calibrate([], config)
            campaign = planned(account.account, config, inputs.store.put_arrays(market.to_arrays()))
            context = campaign.context
            ledger.begin_run(RUN, BegunTerms(account.account, context.agent, context.config_digest), START)
            approved(ledger, local_runs.key, campaign, market.ctr.shape[1], **(request or {}))
            platform = EmulatorPlatform(local_runs.settings.emulator_url, local_runs.settings.emulator_token)
            closing.callback(platform.close)
            platform.open_world(account.account, market)
            faulty_platform, waits = FaultyPlatform(platform), list[float]()
            return CampaignFixture(
                ledger=ledger,
                inputs=inputs,
                platform=faulty_platform,
                campaigns=Campaigns(ledger, inputs, lambda _: faulty_platform, waits.append),
                observations=Observations(ledger, inputs, lambda _: faulty_platform, waits.append),
                campaign=campaign,
                waits=waits,
            )

        yield make


@pytest.fixture
def fixture(fixtures: Callable[..., CampaignFixture]) -> CampaignFixture:
    """One of them, with nothing changed."""
    return fixtures()


@pytest.fixture
def verb(
    fixture: CampaignFixture, local_runs: LocalRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Callable[..., tuple[int, Any]]:
    """Run a verb of the command line on the fixture's account; its exit code and its JSON."""
    number = fixture.account.removeprefix("account-")
    monkeypatch.setenv("GAELP_LEDGER_URL", f"sqlite:///{tmp_path}/ledger-{number}.db")
    monkeypatch.setenv("GAELP_EMULATOR_URL", local_runs.settings.emulator_url)
    monkeypatch.setenv("GAELP_EMULATOR_TOKEN", local_runs.settings.emulator_token)

    def run(name: str, *words: str) -> tuple[int, Any]:
        code = main([name, "--account", fixture.account, *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run
