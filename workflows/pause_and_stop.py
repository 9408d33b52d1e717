"""The signals pause, resume and stop, as the run, every phase and every campaign receive them.

Touch this to change what these signals do, or to add one that all of these workflows receive; a signal that only one
kind of workflow receives is declared in that workflow.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.phases import Status
    from gaelp.messages.pausing import PausableState, RefusedSignals
    from workflows.details import set_attributes
    from workflows.signals import ReceivesSignals, without_input

State = TypeVar("State", bound=PausableState)


class PauseAndStop(ReceivesSignals, Generic[State]):
    """A workflow with one state record that is paused, resumed and stopped together with its open children."""

    def __init__(self, state: State) -> None:
        """Subclasses pass the state that they continue from in their `workflow.init`.

        Temporal applies signals before it begins `run`, so a state that was set there would lose them.
        """
        super().__init__()
        self.state = state
        hold = "hold at the next step; live campaigns are paused on the platform"
        self.listen("pause", hold, without_input(self._pause_at_next_step))
        self.listen("resume", "go on after a pause", without_input(self._resume))
        self.listen("stop", "end now; anything that spends is paused and settled", without_input(self._stop))

    def update(self, **changes: Any) -> None:
        """Replace fields of the state. Always from the state of now: a signal may have changed it since an await."""
        self.state = self.state.model_copy(update=changes)

    @property
    def refused_signals(self) -> RefusedSignals:
        """Signals that were refused so far, carried on with the state."""
        return self.state.refused_signals

    def keep_refused(self, refused: RefusedSignals) -> None:
        """Keep them in the state."""
        self.update(refused_signals=refused)

    async def _pause_at_next_step(self) -> None:
        self.update(paused=True)
        await self.forward_signal("pause")

    async def _resume(self) -> None:
        self.update(paused=False)
        await self.forward_signal("resume")

    async def _stop(self) -> None:
        self.update(stopped="stopped by a person")
        await self.forward_signal("stop")

    async def wait_while_paused(self) -> None:
        """Return at once where nothing is paused, else with a resume or a stop."""
        if self.state.paused and not self.state.stopped:
            set_attributes(status=Status.PAUSED)
            await workflow.wait_condition(lambda: not self.state.paused or bool(self.state.stopped))
            set_attributes(status=Status.RUNNING)

    async def forward_signal(self, signal: str) -> None:
        """Send a signal on to every open child."""
        for child in self.state.open:
            await signal_workflow(child, signal)


def check_cancelled() -> None:
    """Raise asyncio.CancelledError where this workflow was cancelled.

    An effect whose result we must know is awaited through a cancellation (WAIT_CANCELLATION_COMPLETED), and then
    returns as if there had been none; Temporal cancels a workflow only once. So whoever awaits such an effect asks here
    before going on.
    """
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


async def signal_workflow(workflow_id: str, signal: str, argument: object = None) -> bool:
    """Signal another workflow; False where it is closed already, which is no error of the sender's."""
    handle: workflow.ExternalWorkflowHandle[object] = workflow.get_external_workflow_handle(workflow_id)
    arguments = [] if argument is None else [argument]
    try:
        await handle.signal(signal, args=arguments)
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.info("%s is closed and does not take the signal %s", workflow_id, signal)
        return False
    return True


async def ask_run_to_look() -> None:
    """A phase tells its run that what it waits for or has spent has changed; the run reads it in the ledger."""
    parent = workflow.info().parent
    if parent is not None:
        await signal_workflow(parent.workflow_id, "look")


async def cancel_workflow(workflow_id: str) -> None:
    """Cancel the run of another workflow that is open now; nothing happens where it is closed already.

    A child's own handle would cancel the run that was started, and that one may have continued as new since.
    """
    handle: workflow.ExternalWorkflowHandle[object] = workflow.get_external_workflow_handle(workflow_id)
    try:
        await handle.cancel()
    except FailureError:
        workflow.logger.info("%s had ended before it was cancelled", workflow_id)
