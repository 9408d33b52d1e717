"""The verb `new-agent`: writes a new package with an example agent that runs. Touch this to change that template.

The texts are the `new_agent.*.txt` files beside this module; $name, $module and $kind in them are replaced.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from string import Template

from gaelp.commands.console import DONE, Out, WrongUse

TEXTS = {  # the file in the new package: the text beside this module
    "pyproject.toml": "new_agent.pyproject.txt",
    "{module}.py": "new_agent.module.txt",
    "test_{module}.py": "new_agent.test.txt",
}
_NAME = r"[a-z](?:[a-z0-9-]{0,40}[a-z0-9])?"


def new_agent(arguments: argparse.Namespace, out: Out) -> int:
    """Write the package and say what to do next."""
    from gaelp.agents.agent_entry_points import available

    folder = Path(arguments.directory)
    name = _name(arguments.name, folder)
    if name in available():
        raise WrongUse(f"an agent {name!r} is installed already: choose another with --name")
    _refuse_what_is_there(folder)
    module = _module(name)
    words = {"name": name, "module": module, "kind": "".join(part.capitalize() for part in module.split("_"))}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for target, text in TEXTS.items():
        file = folder / target.format(**words)
        file.write_text(Template((Path(__file__).parent / text).read_text()).substitute(words))
        written.append(file)
    following = _following(folder, name)
    document = {"name": name, "files": [str(file) for file in written], "next": following}
    out.result(document, f"wrote {', '.join(str(file) for file in written)}; next:", *(f"  {c}" for c in following))
    return DONE


def _name(given: str | None, folder: Path) -> str:
    name = given if given is not None else re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    if not re.fullmatch(_NAME, name):
        raise WrongUse(
            f"{name!r} cannot be an agent's name: use lower-case letters, digits and dashes, a letter first, "
            "in the folder's name or with --name"
        )
    return name


def _module(name: str) -> str:
    """A module's name that is no keyword and hides nothing of the standard library."""
    word = name.replace("-", "_")
    return word if word.endswith("_agent") else f"{word}_agent"


def _refuse_what_is_there(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise WrongUse(f"{folder} is a file: give a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise WrongUse(f"{folder} is not empty: give a new or empty folder")


def _following(folder: Path, name: str) -> list[str]:
    where = shlex.quote(str(folder))
    return [
        f"python -m pip install -e {where}",
        f"python -m pytest {where}",
        f"python starter.py start --set agent={name}",
    ]
