"""Pause, resume and stop signals, as every phase and campaign takes them. Touch this to change what they mean."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.phases import Status
    from workflows.story import mark


class Holds:
    """Holds a workflow at its next step while paused; a stop releases it. Open children are told as well."""

    def __init__(self) -> None:
        """Subclasses take up carried state in their `workflow.init`: signals are applied before `run` begins."""
        self.paused = False
        self.stopped = ""
        self.open: list[str] = []  # workflow ids of children that take the same signals

    @workflow.signal(name="pause", description="hold at the next step; live campaigns are paused on the platform")
    async def pause(self) -> None:
        """Hold at the next step."""
        self.paused = True
        await self._hand_on("pause")

    @workflow.signal(name="resume", description="go on after a pause")
    async def resume(self) -> None:
        """Go on after a pause."""
        self.paused = False
        await self._hand_on("resume")

    @workflow.signal(name="stop", description="end now; anything that spends is paused and settled")
    async def stop(self) -> None:
        """End now."""
        self.stopped = "stopped by a person"
        await self._hand_on("stop")

    async def released(self) -> None:
        """Return at once, or when the pause or the run ends."""
        if self.paused and not self.stopped:
            mark(status=Status.PAUSED)
            await workflow.wait_condition(lambda: not self.paused or bool(self.stopped))
            mark(status=Status.RUNNING)

    async def _hand_on(self, signal: str) -> None:
        for child in tuple(self.open):
            await tell_workflow(child, signal)


def check_cancelled() -> None:
    """Raise where this workflow was cancelled.

    An effect whose outcome we must know is awaited through a cancellation, and then returns as if there had been
    none; Temporal cancels a workflow only once. So whoever awaits such an effect asks here before going on.
    """
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


async def tell_workflow(workflow_id: str, signal: str, argument: object = None) -> bool:
    """Signal another workflow; False where it is closed already, which is no error to its sender."""
    handle: workflow.ExternalWorkflowHandle[object] = workflow.get_external_workflow_handle(workflow_id)
    arguments = [] if argument is None else [argument]
    try:
        await handle.signal(signal, args=arguments)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.info("%s is closed: it does not take the signal %s", workflow_id, signal)
        return False
    return True
