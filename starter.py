"""The command line's front door: `python starter.py VERB`. The verbs are in gaelp/commands.

From Python: `from starter import start_training; result = await start_training(config, agent="...")`, and `approve`.
Touch this to change what Python callers can do; a verb is added in gaelp/commands/parser.py.
The mark PYTHON_ARGCOMPLETE_OK tells the shell that the Tab key may ask this program what to complete.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if sys.version_info < (3, 11):  # noqa: UP036 - said before an import fails over it
    sys.exit(
        f"GAELP needs Python 3.11 to 3.13, and {sys.executable} is {sys.version.split()[0]}: run `make setup` once, "
        "and then `source .venv/bin/activate` in each terminal"
    )

from gaelp.commands.dispatch import leave, main
from gaelp.confinement.kernel_rules import keep_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Unpack

    from gaelp.commands.runs.from_python import OnEvent
    from gaelp.commands.runs.launching import Words
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.messages.training_run import RunResult
    from gaelp.settings import Settings

    class StartWords(Words, total=False):
        """How a run is called, whose key signs its start, where its services are, and where it begins and ends."""

        name: str | None
        key: str | Path | None
        settings: Settings | None


__all__ = ["approve", "main", "start_training"]

PRINTED: Any = object()
"""The default of `on_event`: each event's sentence is printed."""


async def start_training(
    config: TrainingConfiguration | str,
    agent: str | object | None = None,
    environments: str | object | Sequence[str | object] | None = None,
    *,
    on_event: OnEvent | None = PRINTED,
    **words: Unpack[StartWords],
) -> RunResult:
    """Start a run and wait for its end; each phase, figure, verdict and wait on the way is told.

    `config` is a configuration, a profile's name or a file. `agent` is an agent's name, or an object of a class that an
    entry point offers; `environments` the Gymnasium id of the one environment, or the environment; both on top of
    `config`. `on_event` is called with each RunEvent, and awaited where it is asynchronous; None is silence.
    `words` are the run's name (by default made of the profile and the time), the file `key` of the private key that
    signs its start (the account's owner may ask for two people; without it nobody is proven to have started the run),
    the settings of the process, and from_phase, from_checkpoint and until, which mean what they mean to `start`.

    Raises gaelp.errors.GaelpError and no other error, with one sentence: ConfigurationErrors, UnknownAgent, WrongUse
    and BadKey before anything is started; RunNameTaken; Refused where a service is away or where the run failed or was
    cancelled.
    What `on_event` raises is raised too. Whoever cancels it ends the waiting, and the run goes on.
    """
    from gaelp.commands.runs import from_python  # Temporal's client costs half a second that --help should not pay

    name, key, settings = words.pop("name", None), words.pop("key", None), words.pop("settings", None)
    wanted = from_python.ordered(config, agent, environments, name, words)
    return await from_python.train(wanted, settings, from_python.say if on_event is PRINTED else on_event, key)


async def approve(run: str, key: str | Path, *, reason: str = "", settings: Settings | None = None) -> str:
    """Sign the approval that a run waits for, with the private key in the file `key`; returns the request's new state.

    Raises gaelp.errors.GaelpError: Refused where nothing or more than one request is open, where the ledger refuses the
    signature, or where a service is away; BadKey.
    """
    from gaelp.commands.runs import from_python

    return await from_python.sign(run, Path(key), reason, settings)


if __name__ == "__main__":
    gc.set_threshold(100_000, 20, 20)  # a verb imports much and drops little: looking for garbage took a seventh of it
    keep_private()
    leave(main(sys.argv[1:]))
