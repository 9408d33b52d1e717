"""The command line's front door: `python starter.py VERB`. The verbs are in gaelp/commands.

From Python: `from starter import start_training; result = await start_training(config, agent="...")`.
Touch this to change what Python callers can start; a verb is added in gaelp/commands/parser.py.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from gaelp.commands.dispatch import leave, main
from gaelp.confinement.kernel_rules import keep_private

if TYPE_CHECKING:
    from typing import Unpack

    from gaelp.commands.runs.launching import Words
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.messages.training_run import RunResult
    from gaelp.settings import Settings

__all__ = ["main", "start_training"]


async def start_training(
    config: TrainingConfiguration | str,
    *,
    agent: str | None = None,
    name: str | None = None,
    settings: Settings | None = None,
    **words: Unpack[Words],
) -> RunResult:
    """Start a run and wait for its end.

    `config` is a configuration, a profile's name or a file; `agent` an entry point's name, on top of it; `name` the
    run's, by default made of the profile and the time. `words` are from_phase, from_checkpoint and until, which mean
    what they mean to `start`. Raises ConfigurationErrors, or gaelp.commands.console.Refused with one sentence.
    """
    from gaelp.commands.runs.start import train  # Temporal's client costs half a second that --help should not pay

    return await train(
        config,
        agent=agent,
        name=name,
        words=words,
        settings=settings,
    )


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 20)  # a verb imports much and drops little: looking for garbage took a seventh of it
    keep_private()
    leave(main(sys.argv[1:]))
