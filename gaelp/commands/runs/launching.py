"""Starts a TrainingRun: checks everything, connects, registers the run's name, and then starts the workflow.

A name is taken for ever once it is registered, so whatever can be checked is checked first. Touch this when a run needs
something new before it may begin.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from gaelp.commands import connections
from gaelp.commands.console import Refused, WrongUse
from gaelp.commands.runs.start_facts import read_facts
from gaelp.configuration.loading import Loaded, digest, load_with_origins, made_in_python, no_rule
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.config.registered_worlds import applied
from gaelp.domain.log_evidence import calibrates
from gaelp.domain.phases import PHASE_ORDER, Phase, Status, phases_between
from gaelp.domain.start_conditions import StartFacts, no_state_refusal, start_refusals
from gaelp.domain.temporal_names import Attribute, Queue

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle
    from temporalio.common import TypedSearchAttributes

    from gaelp.domain.spending.signed_starts import ProvenStart
    from gaelp.ledger.ledger import Ledger
    from gaelp.messages.training_run import RunInput, RunResult
    from gaelp.settings import Settings

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Words(TypedDict, total=False):
    """Where a run begins and ends, as it was said; absent or None where nothing was."""

    from_phase: str | None
    from_checkpoint: str | None
    until: str | None


@dataclass(frozen=True)
class Order:
    """A run that may be started: its name, its settings and where they came from, and its way through the phases."""

    run: str
    loaded: Loaded
    config_digest: str
    from_phase: Phase
    from_checkpoint: str | None
    until: Phase

    @property
    def config(self) -> TrainingConfiguration:
        """Its settings."""
        return self.loaded.config

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that it asks for."""
        return phases_between(self.from_phase, self.until)

    @property
    def input(self) -> RunInput:
        """The input of its workflow."""
        from gaelp.messages.training_run import RunInput  # the records of all phases, which no check of settings needs

        return RunInput(
            run=self.run,
            config=self.config,
            config_digest=self.config_digest,
            agent=self.config.agent,
            from_phase=self.from_phase,
            from_checkpoint=self.from_checkpoint,
            until=self.until,
        )


def configured(
    config: TrainingConfiguration | str, overrides: list[str], agent: str | None, *, here: bool = True
) -> Loaded:
    """A configuration from a profile or file, the environment and overrides; one made in Python stands as it is.

    Where not `here`, nobody asks whether its agents and its environment are installed on this machine.
    """
    if isinstance(config, str):
        extra = [f"agent={agent}"] if agent is not None else []
        return load_with_origins(
            config, environment=os.environ, overrides=[*overrides, *extra], also=absent if here else no_rule
        )
    own = config.model_dump(exclude_unset=True)
    loaded = made_in_python(
        applied(config if agent is None else TrainingConfiguration.model_validate({**own, "agent": agent}))
    )
    loaded.refuse(absent(loaded.config))
    return loaded


def order(loaded: Loaded, name: str | None, words: Words) -> Order:
    """The run that the words ask for. Raises WrongUse."""
    config = loaded.config
    run = connections.run_name(name if name is not None else f"{config.profile}-{connections.now():%Y%m%d-%H%M%S}")
    first, last = _phase(words.get("from_phase"), PHASE_ORDER[0]), _phase(words.get("until"), PHASE_ORDER[-1])
    checkpoint = words.get("from_checkpoint")
    if not phases_between(first, last):
        raise WrongUse(f"--until {last} comes before --from-phase {first}: name a later phase")
    if needed := no_state_refusal(first, checkpoint):
        raise WrongUse(needed)
    if checkpoint is not None and not _DIGEST.match(checkpoint):
        raise WrongUse(f"{checkpoint[:80]!r} is no checkpoint: 64 hex digits, see `starter.py checkpoints RUN`")
    return Order(run, loaded, digest(config), first, checkpoint, last)


def starting_key(file: str | Path | None) -> bytes | None:
    """The key that signs the start, before anything is asked; None where no file is named. Raises BadKey."""
    if file is None:
        return None
    from gaelp.ledger.signatures import read_key

    return read_key(Path(file))


def signed_start(wanted: Order, ledger: Ledger, key: bytes | None) -> ProvenStart | None:
    """The start's signature for this ledger, and its terms."""
    if key is None:
        return None
    from gaelp.domain.spending.signed_starts import ProvenStart, start_digest
    from gaelp.ledger.signatures import sign_start

    agent, config_digest = wanted.config.agent, wanted.config_digest
    digest = start_digest(ledger.identity(), wanted.run, wanted.config.account, agent, config_digest)
    return ProvenStart(sign_start(key, digest), agent, config_digest)


def _phase(name: str | None, default: Phase) -> Phase:
    try:
        return Phase(name) if name else default
    except ValueError:
        raise WrongUse(f"there is no phase {name!r}: use one of {', '.join(PHASE_ORDER)}") from None


def check(wanted: Order, facts: StartFacts) -> None:
    """Refuse a run that cannot end well, by what is known of its account and logs. Raises ConfigurationErrors."""
    wanted.loaded.refuse(start_refusals(wanted.config, wanted.phases, facts, connections.now().date()))


def absent(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """The agents and environments that a configuration names and that are not installed or cannot be loaded."""
    from gaelp.confinement.descriptions import described_agents, why_no_environment
    from gaelp.domain.config.registered_worlds import is_foreign

    paths = ("agent", "incumbent")
    for path, described in zip(paths, described_agents(getattr(config, path) for path in paths), strict=True):
        if described["error"]:
            yield Contradiction((path,), described["error"])
    if is_foreign(config.environment) and (reason := why_no_environment(config.environment)):
        yield Contradiction(("environment",), reason)


async def launch(
    client: Client, ledger: Ledger, settings: Settings, wanted: Order, signed: ProvenStart | None = None
) -> WorkflowHandle[object, RunResult]:
    """Check the run once more with all that is known, register its name for ever, and start the workflow.

    `signed` proves who starts it. Raises ConfigurationErrors, Refused, and of the ledger RunNameTaken, LedgerConflict.
    """
    from temporalio.common import WorkflowIDReusePolicy
    from temporalio.exceptions import WorkflowAlreadyStartedError
    from temporalio.service import RPCError, RPCStatusCode

    from gaelp.messages.training_run import RunResult

    config, facts = wanted.config, _checked(settings, ledger, wanted)
    ledger.register_run(wanted.run, config.account, connections.now(), signed)
    try:
        handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
            "TrainingRun",
            wanted.input,
            id=wanted.run,
            task_queue=Queue.WORKFLOWS,
            result_type=RunResult,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_attributes(wanted),
            memo=memo_of(wanted, facts),
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


def _checked(settings: Settings, ledger: Ledger, wanted: Order) -> StartFacts:
    reading = read_facts(settings, ledger, wanted.input)
    check(wanted, reading.facts)
    if reading.unread:
        raise Refused(f"the run was not started, because this could not be checked: {'; '.join(reading.unread)}")
    return reading.facts


def _attributes(wanted: Order) -> TypedSearchAttributes:
    from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

    keyword = SearchAttributeKey.for_keyword
    return TypedSearchAttributes(
        [
            SearchAttributePair(keyword(Attribute.EXPERIMENT), wanted.run),
            SearchAttributePair(keyword(Attribute.PHASE), str(wanted.from_phase)),
            SearchAttributePair(keyword(Attribute.STATUS), str(Status.RUNNING)),
            SearchAttributePair(SearchAttributeKey.for_int(Attribute.SPEND_MICROS), 0),
            SearchAttributePair(SearchAttributeKey.for_bool(Attribute.AWAITING), False),
        ]
    )


def memo_of(wanted: Order, facts: StartFacts) -> dict[str, str | int]:
    """What `status` tells of a run from its beginning on; its logs were read before."""
    config, logs = wanted.config, facts.logs or ()
    return {
        "profile": config.profile,
        "mode": config.mode,
        "agent": config.agent,
        "account": config.account,
        "currency": config.currency,
        "market": "from logs" if calibrates({log.kind for log in logs}) else "synthetic",
        "seed": config.seed,
        "config_digest": wanted.config_digest,
    }
