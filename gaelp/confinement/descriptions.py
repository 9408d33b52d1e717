"""What installed agents and environments say of themselves, asked in a child process: for the command line.

Importing a package runs its code, and a command line's process has tokens and keys in its reach. Touch this to show
more about an agent or an environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gaelp.agents.agent_failures import LONGEST, BrokenVerb
from gaelp.confinement.confined_process import ConfinedProcess
from gaelp.confinement.frames import Head

SECONDS = 60.0
Description = dict[str, Any]


def described_agents(names: Iterable[str]) -> list[Description]:
    """Of each agent: name, heads, about, and error, which is empty where it can be loaded."""
    described: list[Description] = []
    with _one_after_another("agents") as asked:
        for number, name in enumerate(names):
            answer = asked({"verb": "load", "agent": number, "name": name}, f"agent {name!r} cannot be loaded: it")
            heads, error = _texts(answer.get("heads")), _text(answer.get("error"))
            described.append({"name": name, "heads": heads, "about": _text(answer.get("about")), "error": error})
    return described


def described_environments() -> tuple[list[Description], list[str]]:
    """(of each environment: id, about, phases, heads and error, sorted by id; why some could not be registered)."""
    with _one_after_another("environments") as asked:
        answer = asked({"verb": "environments"}, "an environment's package cannot be loaded: its process")
    given = [each for each in answer.get("environments", []) if isinstance(each, dict)]
    described = [
        {name: _text(each.get(name)) for name in ("id", "about", "error")}
        | {name: _texts(each.get(name)) for name in ("phases", "heads")}
        for each in given
    ]
    broken = [*_texts(answer.get("errors")), *([_text(answer["error"])] if answer.get("error") else [])]
    return sorted(described, key=lambda each: str(each["id"])), broken


def why_no_environment(environment: str) -> str:
    """Why no installed package offers that environment; empty where one does."""
    with _one_after_another(environment) as asked:
        begun = f"environment {environment!r} cannot be loaded: it"
        return _text(asked({"verb": "known_environment", "environment": environment}, begun).get("error"))


class _Asked:
    """One child after another: the next one begins where one has ended."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._process: ConfinedProcess | None = None

    def __call__(self, head: Head, begun: str) -> Head:
        """The answer; under `error` why there is none, `begun` being how its sentence begins."""
        try:
            if self._process is None or not self._process.alive:
                self.close()
                self._process = ConfinedProcess(self._about)
            answer, _ = self._process.ask(head, seconds=SECONDS)
        except BrokenVerb as problem:
            return {"error": f"{begun} {problem}"}
        wrong = [answer[name] for name in ("unknown", "broken", "problem") if name in answer]
        return {"error": wrong[0]} if wrong else {**answer, "error": ""}

    def close(self) -> None:
        if self._process is not None:
            self._process.close()


@contextmanager
def _one_after_another(about: str) -> Iterator[_Asked]:
    asked = _Asked(about)
    try:
        yield asked
    finally:
        asked.close()


def _texts(value: object) -> list[str]:
    return [_text(each) for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """One line, as long as an error may be."""
    return " ".join(str(value or "").split())[: 4 * LONGEST]
