"""`make mutants`: small changes of the code that guards money, each of which a unit test must notice.

mutmut makes the mutants and runs them in a copy of the tree. Of each room a fixed sample is drawn by a seed, and a time
limit ends the run early. A mutant that changes no behaviour is listed in scripts/equivalent_mutants.toml with its
reason; a mutant that only changes the wording of a sentence is never drawn. The run fails where fewer than 90 % of the
others are killed. Touch this to add a room.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
COPIED = ("gaelp", "activities", "workflows", "tests", "config", "docs", "pyproject.toml")
LEAST_KILLED = 0.9
SEED = 9


@dataclass(frozen=True)
class Room:
    """Files that are changed together, and the tests that must notice."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "gates": Room(("gaelp/domain/gates/*",), ("tests/unit/domain/gates", "tests/unit/evidence")),
    "spending": Room(
        ("gaelp/domain/spending/*", "gaelp/domain/billing/*"),
        ("tests/unit/domain/spending", "tests/unit/domain/billing", "tests/unit/ledger/rules"),
    ),
    "evidence": Room(("gaelp/evidence/*", "gaelp/evidence/history/*"), ("tests/unit/evidence",)),
    "ledger rules": Room(("gaelp/ledger/rules/*",), ("tests/unit/ledger/rules",)),
    "ledger stores": Room(("gaelp/ledger/stores/*",), ("tests/unit/ledger",)),
    "account stop": Room(
        ("gaelp/ledger/*stop*.py", "gaelp/ledger/background_calls.py"),
        (
            "tests/unit/ledger/test_account_stop.py",
            "tests/unit/ledger/test_stop_certainty.py",
            "tests/unit/ledger/test_background_calls.py",
        ),
    ),
}

# PostgreSQL and the tests that start processes are left out: a mutant lives in the process that runs the test.
SETTINGS = """
[tool.mutmut]
source_paths = ["gaelp"]
only_mutate = {files}
also_copy = ["activities", "workflows", "config", "docs"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = [
    "-p", "no:cacheprovider", "-k", "not postgresql", "--ignore=tests/unit/ledger/test_concurrent_ledger.py",
]
use_git_change_detection = false
track_dependencies = false
"""


@dataclass(frozen=True)
class Mutant:
    """One change: the lines before and after it, and how it ended ("killed", "survived", "not reached")."""

    name: str  # mutmut's
    room: str
    before: str
    after: str
    only_words: bool  # the spelling of a text of several words, and nothing else
    outcome: str

    @property
    def function(self) -> str:
        """Module and function in the words of the code, as in gaelp.ledger.account_stop._Stop._read."""
        module, _, function = self.name.partition("__mutmut_")[0].rpartition(".x")
        return f"{module}.{function.removeprefix('_').removeprefix('ǁ').replace('ǁ', '.')}"


def equivalents() -> dict[tuple[str, str, str], str]:
    """Function, line before and line after of each mutant that changes no behaviour, with the reason."""
    listed = tomllib.loads(EQUIVALENT.read_text()).get("equivalent", [])
    return {(each["function"], each["before"], each["after"]): each["reason"] for each in listed}


def workspace(folder: Path, rooms: Sequence[str]) -> None:
    """A fresh copy of what the tests need, set up for the rooms."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    files = [file for room in rooms for file in ROOMS[room].files]
    tests = sorted({test for room in rooms for test in ROOMS[room].tests})
    with (folder / "pyproject.toml").open("a") as settings:
        settings.write(SETTINGS.format(files=json.dumps(files), tests=json.dumps(tests)))


def mutmut(folder: Path, names: Sequence[str], seconds: float, expected: str = "") -> None:
    """Run these mutants; what the limit leaves undone stays unmarked. Raises SystemExit where the tests fail anyway."""
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", "run", "--max-children", "1", *names]
    log = folder / "mutmut.log"
    with log.open("w") as output:
        running = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, start_new_session=True)
        try:
            code = running.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            code = 0
        finally:
            with suppress(ProcessLookupError):  # a mutant may be in an endless loop, in a process of its own
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    if code != 0 and not (expected and expected in log.read_text()):
        raise SystemExit(f"mutmut could not run:\n{log.read_text()[-3000:]}")


def mutants(folder: Path, rooms: Sequence[str]) -> list[Mutant]:
    """The mutants that mutmut made, in order of their names, with what became of them so far."""
    made: list[Mutant] = []
    for room in rooms:
        for meta in sorted(file for pattern in ROOMS[room].files for file in folder.glob(f"mutants/{pattern}.meta")):
            functions = _functions(meta.with_suffix("").read_text())
            for name, code in sorted(json.loads(meta.read_text())["exit_code_by_key"].items()):
                own = name.rpartition(".")[2]
                original, changed = functions[own.partition("__mutmut_")[0] + "__mutmut_orig"], functions[own]
                before, after = _difference(original, changed)
                made.append(Mutant(name, room, before, after, _spelled(original) == _spelled(changed), _outcome(code)))
    return made


def _functions(source: str) -> dict[str, str]:
    """The code of every function and method by its name, one statement a line, without its name and decorators."""
    functions = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name:
            functions[node.name] = ast.unparse(node.body)
    return functions


def _difference(original: str, changed: str) -> tuple[str, str]:
    """The lines that differ, before and after."""
    lines = list(difflib.ndiff(original.splitlines(), changed.splitlines()))
    before, after = (" ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return before, after


def _spelled(code: str) -> str:
    """The code with the spelling of its texts of several words left out; a single word may be a key or a state."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            node.value = node.value.replace("XX", "").casefold()
    return ast.dump(tree)


def _outcome(code: int | None) -> str:
    """A mutant that runs into the time limit, or breaks the interpreter, has been noticed too."""
    return "not reached" if code is None else "survived" if code in (0, 5, 33) else "killed"


def sample(made: Sequence[Mutant], per_room: int, seed: int) -> list[Mutant]:
    """At most so many of each room, the same ones for the same code and seed."""
    drawn: list[Mutant] = []
    for room in dict.fromkeys(each.room for each in made):
        candidates = [each for each in made if each.room == room and not each.only_words]
        drawn += random.Random(f"{seed} {room}").sample(candidates, min(per_room, len(candidates)))  # noqa: S311 - not a secret
    return drawn


def run(folder: Path, rooms: Sequence[str], per_room: int, seed: int, seconds: float) -> list[Mutant]:
    """Make the mutants, run a sample of each room, and return the sample with its outcomes."""
    until = time.monotonic() + seconds
    workspace(folder, rooms)
    # No mutant has this name: mutmut makes them all, learns which test runs which, and says that it found none.
    mutmut(folder, ["none"], seconds, expected="nothing matches")
    names = [each.name for each in sample(mutants(folder, rooms), per_room, seed)]
    mutmut(folder, names, until - time.monotonic())
    return [each for each in mutants(folder, rooms) if each.name in set(names)]


def report(ran: Sequence[Mutant]) -> bool:
    """Print the table and every survivor; True where each room has enough of its mutants killed."""
    listed = equivalents()
    enough = True
    print("| room | mutants | killed | equivalent | survived | not reached | killed of the others |")
    print("|---|---|---|---|---|---|---|")
    survivors = []
    for room in dict.fromkeys(each.room for each in ran):
        own = [each for each in ran if each.room == room]
        alive = [each for each in own if each.outcome == "survived"]
        equivalent = [each for each in alive if (each.function, each.before, each.after) in listed]
        killed, late = (sum(each.outcome == outcome for each in own) for outcome in ("killed", "not reached"))
        decided = killed + len(alive) - len(equivalent)
        share = killed / decided if decided else 0.0
        enough = enough and share >= LEAST_KILLED
        survivors += [each for each in alive if each not in equivalent]
        counts = (len(own), killed, len(equivalent), len(alive) - len(equivalent), late)
        print(f"| {room} | {' | '.join(map(str, counts))} | {share:.0%} |")
    for each in survivors:
        print(f"\nsurvived: {each.name}\n  - {each.before}\n  + {each.after}")
    return enough


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where a room has too many survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this room; may be given again")
    parser.add_argument("--per-room", type=int, default=100, help="mutants drawn of each room")
    parser.add_argument("--seed", type=int, default=SEED, help="of the sample")
    parser.add_argument("--minutes", type=float, default=30.0, help="the time limit")
    parser.add_argument("--folder", type=Path, default=ROOT / ".gaelp" / "mutants", help="where the copy is made")
    options = parser.parse_args(arguments)
    rooms = options.room or list(ROOMS)
    ran = run(options.folder, rooms, options.per_room, options.seed, options.minutes * 60)
    return 0 if report(ran) else 1


if __name__ == "__main__":
    raise SystemExit(main())
