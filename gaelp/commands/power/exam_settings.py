"""What `certify` and `plan` have in common: the configuration, the level, and where a figure goes.

Touch this when both need one more thing.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.written_files import FIGURE, refuse_to_overwrite
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.judging import alpha_for


def read_configuration(arguments: argparse.Namespace) -> TrainingConfiguration:
    """The configuration that the options name, as a run would read it."""
    return loading.load(arguments.config, environment=os.environ, overrides=arguments.set)


def level_of(arguments: argparse.Namespace) -> float:
    """The level of the attempt that the options name."""
    return alpha_for(arguments.attempt)


def figure_place(arguments: argparse.Namespace, name: str) -> Path:
    """Where the figure goes: where the options say, else in the reports of the home folder. Raises WrongUse."""
    if arguments.figure:
        place = Path(arguments.figure)
        refuse_to_overwrite("--figure", place, FIGURE, arguments)
    else:
        place = connections.read_settings().home / "reports" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
