"""start_training and approve of starter.py: a run from Python, as a script or a notebook asks for it.

Touch this to change what Python callers may give and what they are told.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gaelp.agents.agent_entry_points import name_of
from gaelp.commands import connections
from gaelp.commands.console import Refused, WrongUse
from gaelp.commands.dispatch import for_people
from gaelp.commands.people import decide
from gaelp.commands.runs.launching import Order, Words, check, configured, launch, order, signed_start, starting_key
from gaelp.commands.watching.progress import follow, heard
from gaelp.commands.watching.run_books import RunBooks
from gaelp.commands.watching.run_events import RunEvent
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import phase_id
from gaelp.domain.start_conditions import StartFacts
from gaelp.errors import GaelpError
from gaelp.records.events.live_metrics import LiveMetrics

if TYPE_CHECKING:
    from temporalio.client import Client

    from gaelp.messages.training_run import RunResult
    from gaelp.settings import Settings

JUDGED_SECONDS = 60.0  # within which a worker has judged a signature
HOW_MANY = ("num_envs", "vectorization_mode")  # of make_vec: a run says itself how many it plays
OnEvent = Callable[[RunEvent], object]
"""Hears of each event; where it returns an awaitable, that is awaited before the next one."""


def say(event: RunEvent) -> None:
    """Print an event's sentence."""
    sys.stdout.write(f"{event.sentence}\n")
    sys.stdout.flush()


def ordered(
    config: TrainingConfiguration | str, agent: Any, environments: Any, name: str | None, words: Words
) -> Order:
    """The run that is asked for. Raises ConfigurationErrors, UnknownAgent and WrongUse."""
    if not isinstance(config, (str, TrainingConfiguration)):
        raise WrongUse(
            f"config must be a TrainingConfiguration, a profile's name or a file, not {type(config).__name__}"
        )
    agent_name = None if agent is None else agent if isinstance(agent, str) else name_of(agent)
    environment = None if environments is None else _environment(environments)
    if isinstance(config, TrainingConfiguration) and environment is not None:
        try:
            own = {**config.model_dump(exclude_unset=True), "environment": environment}
            config, environment = TrainingConfiguration.model_validate(own), None
        except ValidationError as error:
            raise WrongUse(f"environments: {error.errors()[0]['msg']}") from None
    wanted = order(
        configured(config, [] if environment is None else [f"environment={environment}"], agent_name), name, words
    )
    check(wanted, StartFacts())
    return wanted


def _environment(given: Any) -> str:
    """The Gymnasium id of the one environment that a run trains in."""
    several = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if len(several) != 1:
        raise WrongUse(f"{len(several)} environments were given: a run trains in one, and `curriculum.tasks` varies it")
    (one,) = several
    if isinstance(one, str):
        return one
    spec = getattr(one, "spec", None)
    if spec is None or not _by_its_id_alone(spec):
        raise WrongUse(
            f"an environment of class {type(one).__qualname__} was not made by its id alone, as workers make it: "
            "give the id, as `starter.py environments` lists it"
        )
    return str(spec.id)


def _by_its_id_alone(spec: Any) -> bool:
    import gymnasium

    given = {name: value for name, value in spec.kwargs.items() if name not in HOW_MANY}
    registered = gymnasium.registry.get(spec.id)
    return registered is not None and given == registered.kwargs


async def train(
    wanted: Order, settings: Settings | None, on_event: OnEvent | None, key: str | Path | None
) -> RunResult:
    """Start the run, signed where a key file is given, tell of it until it has ended, and return its result."""
    settings = settings or connections.read_settings()
    signing_key = starting_key(key)
    with _as_documented():
        client = await connections.temporal(settings)
        with closing(connections.open_ledger(settings)) as ledger:
            handle = await launch(client, ledger, settings, wanted, signed_start(wanted, ledger, signing_key))
    return await follow(client, handle, _tell(client, settings, wanted.run, on_event) if on_event else None)


async def _tell(client: Client, settings: Settings, run: str, on_event: OnEvent) -> None:
    metrics, books = LiveMetrics(settings.redis_url), RunBooks(settings)
    try:
        async for _, events in heard(client, run, books, metrics):
            for event in events:
                if inspect.isawaitable(answer := on_event(event)):
                    await answer
    finally:
        metrics.close()
        books.close()


async def sign(run: str, key: Path, reason: str, settings: Settings | None) -> str:
    """Approve the run's one open request with a key file; the state that the ledger gave it."""
    settings = settings or connections.read_settings()
    with _as_documented():
        ledger = connections.open_ledger(settings)
        try:
            card = decide.open_card(ledger, connections.run_name(run), None)
            signed = decide.signed_with(key, card, "approve", reason)
            mark = decide.last_sequence(ledger)
            await decide.send(settings, phase_id(run, card.request.phase), "approve", signed)
            return await asyncio.to_thread(decide.await_outcome, ledger, signed, mark, JUDGED_SECONDS)
        finally:
            ledger.close()


@contextmanager
def _as_documented() -> Iterator[None]:
    """What a service or a file raises becomes Refused, with one sentence."""
    from temporalio.service import RPCError

    try:
        yield
    except GaelpError:
        raise
    except (RPCError, OSError) as error:
        raise Refused(str(for_people(error))) from error
