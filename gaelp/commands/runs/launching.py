"""Starts a TrainingRun: checks everything, connects, registers the run's name, and then starts the workflow.

A name is taken for ever once it is registered, so whatever can be checked is checked first. Touch this when a run needs
something new before it may begin.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import Refused, WrongUse
from gaelp.configuration.loading import digest, load
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradictions import Contradiction
from gaelp.domain.config.registered_worlds import applied
from gaelp.domain.phases import Phase, Status
from gaelp.domain.spending.dollar_bounds import NoDollarRate, OutsideDollarBounds, check_daily_cap
from gaelp.domain.temporal_names import Attribute, Queue
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.money import micros
from gaelp.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle
    from temporalio.common import TypedSearchAttributes

    from gaelp.ledger.ledger import Ledger

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Order:
    """A run that may be started: its name, and the input of its workflow."""

    run: str
    input: RunInput


def configured(config: TrainingConfiguration | str, overrides: list[str], agent: str | None) -> TrainingConfiguration:
    """A configuration from a profile or file, the environment and overrides; one made in Python stands as it is."""
    if isinstance(config, str):
        extra = [f"agent={agent}"] if agent is not None else []
        return load(config, environment=os.environ, overrides=[*overrides, *extra], also=absent)
    from gaelp.configuration.loading import check

    own = config.model_dump(exclude_unset=True)
    checked = applied(config if agent is None else TrainingConfiguration.model_validate({**own, "agent": agent}))
    check(checked)
    if messages := [each.message for each in absent(checked)]:
        raise WrongUse("; ".join(messages))
    return checked


def order(
    config: TrainingConfiguration, name: str | None, from_phase: str | None = None, from_checkpoint: str | None = None
) -> Order:
    """Check all that needs no service. Raises WrongUse."""
    run = connections.run_name(name if name is not None else f"{config.profile}-{connections.now():%Y%m%d-%H%M%S}")
    phase = Phase(from_phase) if from_phase else Phase.SIMULATION
    if phase is not Phase.SIMULATION and from_checkpoint is None:
        raise WrongUse(f"a run from phase {phase} needs an agent state: name one with --from-checkpoint")
    if from_checkpoint is not None and not _DIGEST.match(from_checkpoint):
        raise WrongUse(f"{from_checkpoint!r} is no checkpoint: 64 hex digits, see `starter.py checkpoints RUN`")
    start = RunInput(
        run=run,
        config=config,
        config_digest=digest(config),
        agent=config.agent,
        from_phase=phase,
        from_checkpoint=from_checkpoint,
    )
    return Order(run, start)


def absent(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """The agents and environments that a configuration names and that are not installed or cannot be loaded."""
    for path in ("agent", "incumbent"):
        if reason := _unknown_agent(getattr(config, path)):
            yield Contradiction((path,), reason)
    if reason := _unknown_environment(config.environment):
        yield Contradiction(("environment",), reason)


def _unknown_agent(agent: str) -> str:
    from gaelp.agents.agent_entry_points import UnknownAgent, load_agent  # numpy, which other verbs need not import

    try:
        load_agent(agent)
    except UnknownAgent as error:
        return str(error)
    return ""


def _unknown_environment(environment: str) -> str:
    from gaelp.domain.config.registered_worlds import is_foreign

    if not is_foreign(environment):
        return ""
    from gaelp.market.gym.installed_environments import (  # Gymnasium takes a third of a second to import
        UnknownEnvironment,
        load,
    )

    try:
        load(environment)
    except UnknownEnvironment as error:
        return str(error)
    return ""


async def launch(
    client: Client, ledger: Ledger, settings: Settings, wanted: Order
) -> WorkflowHandle[object, RunResult]:
    """Register the name for ever and start the workflow. Raises Refused, and RunNameTaken of the ledger."""
    from temporalio.common import WorkflowIDReusePolicy
    from temporalio.exceptions import WorkflowAlreadyStartedError
    from temporalio.service import RPCError, RPCStatusCode

    config = wanted.input.config
    account = ledger.account(config.account)
    if config.mode == "advisory" and account.kind is not AccountKind.EMULATOR:
        raise Refused(
            f"account {account.account!r} is {account.kind}, and advisory mode is for an emulator's only: "
            "use profile staging or production, or another account"
        )
    _check_daily_cap(config, account)
    ledger.register_run(wanted.run, config.account, connections.now())
    try:
        handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
            "TrainingRun",
            wanted.input,
            id=wanted.run,
            task_queue=Queue.WORKFLOWS,
            result_type=RunResult,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_attributes(wanted),
            memo=_memo(wanted),
            static_summary=f"{config.agent} through {config.profile}",
            rpc_timeout=connections.RPC,
        )
    except WorkflowAlreadyStartedError:
        raise Refused(f"the run name {wanted.run!r} is taken in Temporal: choose another") from None
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise Refused(
                f"Temporal at {settings.temporal_address} refused the run: {error.message}. If it lacks the search "
                "attributes, `make dev` starts a server that has them, and docker-compose.yml shows how to add them"
            ) from error
        raise
    return handle


def _check_daily_cap(config: TrainingConfiguration, account: Account) -> None:
    """Refuse a live test out of its bounds in dollars, where the amounts are in the account's currency at all."""
    try:
        if account.currency == config.currency:
            check_daily_cap(micros(config.live_test.daily_cap), account, connections.now().date())
    except (NoDollarRate, OutsideDollarBounds) as error:
        raise WrongUse(str(error)) from None


def web_address(settings: Settings, run: str) -> str:
    """Where the Web UI shows a run."""
    return f"{settings.temporal_ui}/namespaces/{settings.temporal_namespace}/workflows/{run}"


def _attributes(wanted: Order) -> TypedSearchAttributes:
    from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

    keyword = SearchAttributeKey.for_keyword
    return TypedSearchAttributes(
        [
            SearchAttributePair(keyword(Attribute.EXPERIMENT), wanted.run),
            SearchAttributePair(keyword(Attribute.PHASE), str(wanted.input.from_phase)),
            SearchAttributePair(keyword(Attribute.STATUS), str(Status.RUNNING)),
            SearchAttributePair(SearchAttributeKey.for_int(Attribute.SPEND_MICROS), 0),
            SearchAttributePair(SearchAttributeKey.for_bool(Attribute.AWAITING), False),
        ]
    )


def _memo(wanted: Order) -> dict[str, str | int]:
    config = wanted.input.config
    return {
        "profile": config.profile,
        "mode": config.mode,
        "agent": config.agent,
        "account": config.account,
        "currency": config.currency,
        "seed": config.seed,
        "config_digest": wanted.input.config_digest,
    }
