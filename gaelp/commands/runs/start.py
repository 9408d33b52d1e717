"""The verbs `start` and `validate`, and start_training for callers in Python. Touch this to change how a run begins."""

from __future__ import annotations

import argparse
import asyncio

from gaelp.commands import connections
from gaelp.commands.console import DONE, NOT_GRADUATED, Out, Refused, money, table
from gaelp.commands.runs.launching import configured, launch, order, web_address
from gaelp.commands.watching.progress import follow
from gaelp.configuration.loading import digest
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.settings_without_effect import notes_on
from gaelp.domain.phases import Outcome
from gaelp.errors import FAILED
from gaelp.messages.training_run import RunResult
from gaelp.settings import Settings


def start(arguments: argparse.Namespace, out: Out) -> int:
    """Start a run; with --wait, until it ends."""
    settings = connections.read_settings()
    config = configured(arguments.config, arguments.set, arguments.agent)
    wanted = order(config, arguments.experiment_name, arguments.from_phase, arguments.from_checkpoint)
    web = web_address(settings, wanted.run)

    async def begin() -> RunResult | None:
        client = await connections.temporal(settings)
        handle = await launch(client, connections.open_ledger(settings), settings, wanted)
        if not arguments.wait:
            return None
        out.note(f"{wanted.run} started: {web}")
        return await follow(client, handle, out)

    result = asyncio.run(begin())
    if result is None:
        document = {"run": wanted.run, "config_digest": wanted.input.config_digest, "web": web}
        out.result(document, f"{wanted.run} started: {web}")
        return DONE
    show(result, config.currency, web, out)
    return exit_code(result)


def validate(arguments: argparse.Namespace, out: Out) -> int:
    """Check a configuration, a name and the agents; print every error, and a note on each setting without effect."""
    config = configured(arguments.config, arguments.set, arguments.agent)
    if arguments.experiment_name is not None:
        connections.run_name(arguments.experiment_name)
    name, notes = digest(config), notes_on(config)
    out.result(
        {"valid": True, "profile": config.profile, "config_digest": name, "notes": notes, "config": config},
        f"{arguments.config} is valid: profile {config.profile}, {config.mode}, digest {name}",
        *(f"note: {note}" for note in notes),
    )
    return DONE


async def train(
    config: TrainingConfiguration | str,
    *,
    agent: str | None,
    name: str | None,
    from_phase: str | None,
    from_checkpoint: str | None,
    settings: Settings | None,
) -> RunResult:
    """start_training of starter.py."""
    if agent is not None and not isinstance(agent, str):
        raise Refused(
            "agent must be the name of an entry point in the group gaelp.agents: workers load it by that name",
        )
    settings = settings or connections.read_settings()
    wanted = order(configured(config, [], agent), name, from_phase, from_checkpoint)
    client = await connections.temporal(settings)
    handle = await launch(client, connections.open_ledger(settings), settings, wanted)
    return await follow(client, handle, None)


def exit_code(result: RunResult) -> int:
    """0 graduated or graduated-unproven, 1 interrupted by something outside the agent, 3 otherwise."""
    if result.outcome is Outcome.INTERRUPTED:
        return FAILED
    return DONE if result.outcome in (Outcome.GRADUATED, Outcome.GRADUATED_UNPROVEN) else NOT_GRADUATED


def show(result: RunResult, currency: str, web: str, out: Out) -> None:
    """The end of a run: outcome, and each criterion with its verdict and reason."""
    rows = [
        (phase.phase, each.id, each.name, each.verdict, each.reason)
        for phase in result.phases
        for each in (phase.gate.criteria if phase.gate else ())
    ]
    out.result(
        {**result.model_dump(mode="json"), "web": web, "exit_code": exit_code(result)},
        f"{result.run}: {result.outcome}, {result.reason}",
        *([table(("phase", "criterion", "", "verdict", "reason"), rows)] if rows else []),
        f"spent {money(result.spend_micros, currency)}; {web}",
    )
