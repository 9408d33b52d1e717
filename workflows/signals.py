"""Signals of any shape: one dynamic handler reads them, and what is not as expected is refused and changes nothing.

A named handler of the SDK silently drops what it cannot decode, and one input too many fails the workflow task for
ever. Here every signal arrives as it was sent. Touch this to change what is kept of a refused signal, or how the Web UI
learns which signals a workflow takes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.api.sdk.v1 import WorkflowDefinition, WorkflowInteractionDefinition, WorkflowMetadata
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.records.approvals import Approvals
    from gaelp.errors import GaelpError
    from gaelp.messages.pausing import NoteRefusedSignals, RefusedSignals
    from workflows.activity_options import RECORDS, named

Value = TypeVar("Value")

# The query that the Web UI asks: the SDK's own answer would list one signal without a name.
METADATA_QUERY = "__temporal_workflow_metadata"
REFUSALS_SHOWN = 5
# A name is the sender's text and would be markdown on the page, so only a plain one is shown.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z")


class InputRefused(GaelpError):
    """A signal's inputs are not of the number or the type that is expected."""

    permanent = True


class SignalInputs:
    """What a signal was sent with, not decoded yet."""

    def __init__(self, raw: Sequence[RawValue]) -> None:
        self._payloads = [value.payload for value in raw]
        self.digest = hashlib.sha256(b"".join(payload.data for payload in self._payloads)).hexdigest()

    @property
    def length(self) -> int:
        """Bytes of all inputs."""
        return sum(len(payload.data) for payload in self._payloads)

    @property
    def summary(self) -> str:
        """Number, length and digest of the inputs: what is kept of a signal that was refused."""
        number = len(self._payloads)
        return f"{number} input{'' if number == 1 else 's'}, {self.length} bytes, SHA-256 {self.digest[:16]}"

    def none(self) -> None:
        """Raises InputRefused where there is any input."""
        if self._payloads:
            raise InputRefused("no input is expected")

    def one(self, kind: type[Value]) -> Value:
        """The only input. Raises InputRefused where there are more or fewer, or where it is not of that type."""
        if len(self._payloads) != 1:
            raise InputRefused("one input is expected")
        try:
            return workflow.payload_converter().from_payload(self._payloads[0], kind)
        except Exception as error:  # whatever a stranger's bytes do to a decoder, it must not fail the workflow task
            raise InputRefused("its input cannot be read") from error


# Takes a signal; raises InputRefused, and nothing is changed then.
SignalHandler = Callable[[SignalInputs], Awaitable[None]]


class ReceivesSignals:
    """A workflow that names the signals it takes with `listen`, in its `workflow.init`, and refuses every other one."""

    def __init__(self) -> None:
        self._handlers: dict[str, SignalHandler] = {}
        self._descriptions: dict[str, str] = {}
        self._refused = RefusedSignals()
        self._noting = False
        workflow.set_query_handler(METADATA_QUERY, self._metadata)

    @property
    def refused_signals(self) -> RefusedSignals:
        """Signals that were refused so far."""
        return self._refused

    def keep_refused(self, refused: RefusedSignals) -> None:
        """Keep them; a workflow that continues as new keeps them in its state."""
        self._refused = refused

    def listen(self, name: str, description: str, handler: SignalHandler) -> None:
        """Take signals of that name."""
        self._handlers[name] = handler
        self._descriptions[name] = description

    # A workflow may end before the journal has the last refusals: they stand on its page.
    @workflow.signal(dynamic=True, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def receive_signal(self, name: str, inputs: Sequence[RawValue]) -> None:
        """Every signal, whatever its name and its inputs are."""
        received = SignalInputs(inputs)
        try:
            if name not in self._handlers:
                raise InputRefused("this workflow takes no such signal")
            await self._handlers[name](received)
        except InputRefused as error:
            shown = name if _PLAIN_NAME.match(name) else f"with a name of {len(name)} characters"
            self._refuse(f"signal {shown} refused: {error} ({received.summary})")
        await self._note_refused()

    def _refuse(self, sentence: str) -> None:
        workflow.logger.warning(sentence)
        refused = self.refused_signals
        last = (*refused.last, sentence)[-REFUSALS_SHOWN:]
        self.keep_refused(refused.model_copy(update={"number": refused.number + 1, "last": last}))

    async def _note_refused(self) -> None:
        """Have the journal note what it has not yet; one row at a time, however many signals come meanwhile."""
        if self._noting:
            return
        self._noting = True
        try:
            while (refused := self.refused_signals).noted < refused.number:
                await workflow.execute_activity_method(
                    Approvals.note_refused_signals, _note(refused), **named(RECORDS, "note refused signals")
                )
                self.keep_refused(self.refused_signals.model_copy(update={"noted": refused.number}))
        except ActivityError:
            workflow.logger.warning("the journal lacks signals that were refused; the next signal tries again")
        finally:
            self._noting = False

    def _metadata(self) -> WorkflowMetadata:
        """The page as the Web UI asks for it: the current details, the refused signals, and the signals by name."""
        names = sorted(self._handlers)
        signals = [WorkflowInteractionDefinition(name=name, description=self._descriptions[name]) for name in names]
        return WorkflowMetadata(
            definition=WorkflowDefinition(type=workflow.info().workflow_type, signal_definitions=signals),
            current_details="\n\n".join(part for part in (workflow.get_current_details(), self._refusals()) if part),
        )

    def _refusals(self) -> str:
        refused = self.refused_signals
        if not refused.number:
            return ""
        lines = "\n".join(f"- {sentence}" for sentence in refused.last)
        return f"{refused.number} signals were refused and changed nothing; the last:\n\n{lines}"


def _note(refused: RefusedSignals) -> NoteRefusedSignals:
    info = workflow.info()
    key = f"{info.workflow_id}/{info.run_id}/refused-{refused.noted + 1}"
    return NoteRefusedSignals(workflow=info.workflow_id, key=key, refused=refused, now=workflow.now())


def without_input(take: Callable[[], Awaitable[None]]) -> SignalHandler:
    """A handler of a signal that has no input."""

    async def handle(inputs: SignalInputs) -> None:
        inputs.none()
        await take()

    return handle


def with_input(kind: type[Value], take: Callable[[Value], Any]) -> SignalHandler:
    """A handler of a signal that has one input of that type."""

    async def handle(inputs: SignalInputs) -> None:
        take(inputs.one(kind))

    return handle
