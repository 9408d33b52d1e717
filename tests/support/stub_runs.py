"""A TrainingRun and a LiveTest that do nothing but wait, for tests of the command line against a real server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.phases import Outcome, Status
    from gaelp.domain.temporal_names import Attribute
    from gaelp.messages.training_run import RunInput, RunResult


def _mark(status: Status | Outcome) -> None:
    workflow.upsert_search_attributes([SearchAttributeKey.for_keyword(Attribute.STATUS).value_set(status)])


@workflow.defn(name="TrainingRun")
class StubRun:
    """Ends as its agent is called: see OUTCOMES; `linear-bid` waits for a live test."""

    OUTCOMES = {"linear-thompson": Outcome.GRADUATED_UNPROVEN, "uniform": Outcome.NOT_GRADUATED}  # noqa: RUF012

    def __init__(self) -> None:
        self._signals: list[str] = []

    @workflow.run
    async def run(self, start: RunInput) -> RunResult:
        """Wait where the agent says so, then end."""
        workflow.set_current_details("**waiting**")
        if start.agent == "linear-bid":
            await workflow.execute_child_workflow("LiveTest", id=f"{start.run}/live-test")
        if start.agent == "best-creative":
            await workflow.wait_condition(lambda: "stop" in self._signals)
        if start.agent == "fixed-bid":
            raise ValueError("this agent breaks everything")
        outcome = self.OUTCOMES.get(start.agent, Outcome.STOPPED)
        _mark(outcome)
        return RunResult(
            run=start.run,
            outcome=outcome,
            reason="as told",
            checkpoint_digest="c" * 64,
            phases=(),
            spend_micros=0,
        )

    @workflow.signal(name="pause")
    async def pause(self) -> None:
        """Note it."""
        _mark(Status.PAUSED)

    @workflow.signal(name="resume")
    async def resume(self) -> None:
        """Note it."""
        _mark(Status.RUNNING)

    @workflow.signal(name="stop")
    async def stop(self) -> None:
        """End."""
        self._signals.append("stop")


@workflow.defn(name="LiveTest")
class StubLiveTest:
    """Waits for one decision and hands it to the activity `judge` as it came."""

    def __init__(self) -> None:
        self._payload: Any = None

    @workflow.run
    async def run(self) -> None:
        """Until a decision is accepted."""
        workflow.upsert_search_attributes(
            [
                SearchAttributeKey.for_keyword(Attribute.STATUS).value_set(Status.AWAITING_APPROVAL.value),
                SearchAttributeKey.for_bool(Attribute.AWAITING).value_set(True),
            ]
        )
        accepted = False
        while not accepted:
            await workflow.wait_condition(lambda: self._payload is not None)
            payload, self._payload = self._payload, None
            accepted = await workflow.execute_activity(
                "judge", payload, schedule_to_close_timeout=timedelta(seconds=10), result_type=bool
            )

    @workflow.signal(name="approve")
    def approve(self, payload: Any = None) -> None:
        """A decision."""
        self._payload = payload
