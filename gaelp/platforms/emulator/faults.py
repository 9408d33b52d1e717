"""Faults on demand: the platform at its worst, for tests. Touch this to add a way in which a platform fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gaelp.platforms.emulator.refusal import NOT_FOUND, Refusal

Result = TypeVar("Result")
Verb = Literal["create", "enable", "pause", "budget", "delivery", "end", "list", "read", "report", "any"]
Kind = Literal["error-before", "error-after", "error-late", "hang-before", "hang-after", "slow", "missing"]


class Fault(BaseModel):
    """The next `calls` calls of `verb` fail. "after": the effect has happened, and the caller does not learn of it.

    "missing": the answer is that of a platform that has no such campaign, although it goes on and may bill.
    "late": the caller is told of an error at once, and the effect happens so many seconds later all the same.
    """

    model_config = ConfigDict(extra="forbid")

    verb: Verb
    kind: Kind
    calls: Annotated[int, Field(ge=1)] = 1
    seconds: Annotated[float, Field(ge=0, le=600)] = 30.0  # of a hang, of slowness or of lateness
    account: str | None = None  # none: any account


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._late: set[asyncio.Task[None]] = set()  # kept, or they might be collected before their effect

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget every fault still to come."""
        self._waiting.clear()

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """Faults still to come."""
        return tuple(self._waiting)

    async def call(
        self, verb: Verb, account: str, effect: Callable[[], Result], missing: Callable[[], Result] | None = None
    ) -> Result:
        """Run `effect` with the fault, if any, that waits for this verb and account; `missing` answers for nothing."""
        fault = self._take(verb, account)
        kind = fault.kind if fault else None
        seconds = fault.seconds if fault else 0.0
        if kind == "error-before":
            raise Refusal(500, "INTERNAL", "The platform failed (injected fault, nothing was done).")
        if kind == "missing":
            return (missing or _not_found)()
        if kind == "error-late":
            late = asyncio.create_task(_later(seconds, effect))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            raise Refusal(500, "INTERNAL", "The platform failed (injected fault, the effect comes late).")
        if kind in ("slow", "hang-before"):
            await asyncio.sleep(seconds)
        if kind == "hang-before":
            raise Refusal(503, "UNAVAILABLE", "The platform hung (injected fault, nothing was done).")
        result = effect()
        if kind == "error-after":
            raise Refusal(500, "INTERNAL", "The platform failed (injected fault).")
        if kind == "hang-after":
            await asyncio.sleep(seconds)
        return result

    def _take(self, verb: Verb, account: str) -> Fault | None:
        for fault in self._waiting:
            if fault.verb in (verb, "any") and fault.account in (None, account):
                fault.calls -= 1
                if fault.calls == 0:
                    self._waiting.remove(fault)
                return fault.model_copy()
        return None


def _not_found() -> NoReturn:
    raise Refusal(404, NOT_FOUND, "The account has no such campaign (injected fault).")


async def _later(seconds: float, effect: Callable[[], object]) -> None:
    await asyncio.sleep(seconds)
    effect()
