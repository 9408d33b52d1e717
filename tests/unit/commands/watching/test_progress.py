"""How somebody who waits for a run hears of it, whatever the services do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from gaelp.commands.console import Refused
from gaelp.commands.watching import progress
from gaelp.commands.watching.progress import follow, goes_on, heard
from gaelp.commands.watching.run_books import RunBooks
from gaelp.commands.watching.snapshot import RunView
from gaelp.settings import Settings

AT = datetime(2026, 11, 26, tzinfo=UTC)
BEGUN = RunView("r", "running", "simulation", False, 0, started=AT)
ENDED = replace(BEGUN, ended=AT, outcome="stopped")
AWAY = RPCError("no route", RPCStatusCode.UNAVAILABLE, b"")
CLIENT = cast(Any, None)


class Unheld(RunBooks):
    """A ledger in which monitoring holds nothing back."""

    def __init__(self) -> None:
        """Opens nothing."""
        super().__init__(Settings())

    def read(self, run: RunView) -> RunView:
        return run


class Handle:
    """A run that ends as told."""

    id = "r"

    def __init__(self, end: object) -> None:
        self.end = end

    async def result(self) -> object:
        if isinstance(self.end, Exception):
            raise self.end
        if self.end is None:
            await asyncio.Event().wait()
        return self.end


def looks(monkeypatch: pytest.MonkeyPatch, seen: Sequence[RunView | RPCError], pollers: int = 1) -> None:
    """What each look at Temporal finds."""
    left = list(seen)

    async def view(_: object, run: str) -> RunView:
        found = left.pop(0)
        if isinstance(found, RPCError):
            raise found
        return found

    async def workers(*_: object) -> int:
        return pollers

    monkeypatch.setattr(progress, "view", view)
    monkeypatch.setattr(progress, "workers", workers)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)


async def sentences() -> list[str]:
    return [event.sentence async for _, events in heard(CLIENT, "r", Unheld()) for event in events]


async def test_a_server_that_goes_away_is_told_once_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is told once it is back; one that was never there is a refusal."""
    looks(monkeypatch, [BEGUN, AWAY, AWAY, BEGUN, AWAY, ENDED])
    lost = "r waits: Temporal does not answer; this goes on looking for it"
    assert await sentences() == ["r began at 2026-11-26 00:00:00Z", lost, lost, "r ended: stopped; 0.00 spent"]
    looks(monkeypatch, [AWAY])
    with pytest.raises(Refused, match=r"does not answer any more \(UNAVAILABLE\)"):
        await sentences()


async def test_a_ledger_that_is_away_is_told_once_and_the_run_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What monitoring does is not known meanwhile, and that is said; a run that has ended asks the ledger nothing."""
    (tmp_path / "ledger.db").write_bytes(b"no database")
    books = RunBooks(Settings(ledger_url=f"sqlite:///{tmp_path}/ledger.db"))
    looks(monkeypatch, [BEGUN, BEGUN, BEGUN, ENDED])
    told = [event.sentence async for _, events in heard(CLIENT, "r", books) for event in events]
    assert sum("what monitoring does is not known" in each for each in told) == 1
    assert told[-1] == "r ended: stopped; 0.00 spent"


@pytest.mark.parametrize(("pollers", "told"), [(0, 1), (1, 0)])
async def test_nobody_at_work_is_told_once(pollers: int, told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once, because a worker that was just started needs a moment."""
    looks(monkeypatch, [*[BEGUN] * 20, ENDED], pollers)
    assert sum("no worker polls" in each for each in await sentences()) == told


async def test_what_a_listener_raises_is_raised_and_ends_the_waiting() -> None:
    """A run that never ends does not hide it; an end waits for the listener to hear of it."""

    async def breaks() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await follow(CLIENT, cast(Any, Handle(None)), breaks())
    heard_of: list[str] = []

    async def listens() -> None:
        await asyncio.sleep(0.01)
        heard_of.append("end")

    assert await follow(CLIENT, cast(Any, Handle("result")), listens()) == cast(Any, "result")
    assert heard_of == ["end"]


async def test_a_server_that_is_gone_for_good_is_one_of_our_errors() -> None:
    """Nothing of Temporal's own reaches who waits."""
    with pytest.raises(Refused, match="what becomes of r is not known here"):
        await follow(CLIENT, cast(Any, Handle(AWAY)))


async def test_whoever_is_interrupted_hears_that_the_run_goes_on() -> None:
    """With exit code 130, how to return, and how to end it."""
    with pytest.raises(Refused, match="watch r` shows it again") as refusal, goes_on("r"):
        raise asyncio.CancelledError
    assert refusal.value.exit_code == 130
